"""Find and read suite files."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.suites.contradictions import contradictions
from pytest_matalign.suites.schema import (
    Band,
    Expectation,
    Gate,
    Measured,
    Suite,
    SuiteMetric,
    SuiteSplit,
)
from pytest_matalign.untrusted import TEXT_BYTES, toml, untrusted

if TYPE_CHECKING:
    from pytest_matalign.splits.card import SplitCard

SUITE_FILE = "suite.toml"


def bundled_suites() -> dict[str, Path]:
    """Folders of the suites that ship with the package, by name."""
    here = Path(__file__).parents[1]
    installed, checkout = here / "bundled_suites", here.parents[1] / "suites"
    root = installed if installed.is_dir() else checkout
    return {path.parent.name: path.parent for path in sorted(root.glob(f"*/{SUITE_FILE}"))}


def find_suite(name_or_path: str, *, base: Path) -> Path:
    """Folder of a bundled suite, or of a suite given by path (relative to `base`).

    Raises:
        ConfigurationError: If there is no such suite.
    """
    bundled = bundled_suites()
    if name_or_path in bundled:
        return bundled[name_or_path]
    path = Path(os.path.realpath(base / name_or_path))  # `resolve` raises on a loop
    folder = path.parent if path.name == SUITE_FILE else path
    if (folder / SUITE_FILE).is_file():
        return folder
    valid = ", ".join(bundled)
    raise ConfigurationError(
        f"There is no suite {name_or_path!r}: name one of {valid}, "
        f"or a folder that holds a {SUITE_FILE} (looked in {folder})."
    )


def load_suite(folder: Path) -> Suite:
    """Read and check one suite file.

    Raises:
        ConfigurationError: If the file is not valid TOML, has unknown or missing keys, or
            contradicts itself.
    """
    path = folder / SUITE_FILE
    with untrusted(path, most=TEXT_BYTES, refusal=partial(_refusal, path)) as content:
        suite = msgspec.convert(toml(content), Suite)
    for problem in contradictions(suite):
        raise ConfigurationError(f"{path}: {problem}")
    splits = tuple(
        msgspec.structs.replace(split, file=str(folder / split.file)) if split.file else split
        for split in suite.split
    )
    return msgspec.structs.replace(suite, split=splits)


def card_of_split(split: SuiteSplit) -> SplitCard:
    """The card of a split named in a suite.

    Raises:
        ConfigurationError: If there is no such split, or its file is faulty.
    """
    from pytest_matalign.splits.card import read_card
    from pytest_matalign.splits.catalogue import split_card

    return read_card(Path(split.file)) if split.file else split_card(split.id)


def _refusal(path: Path, text: str) -> ConfigurationError:
    """A schema error with the key it complains about put first, as a TOML author writes it."""
    if " - at `" in text:
        text, _, place = text.partition(" - at `")
        text = f"at {place.strip('`').removeprefix('$.')}: {text}"
    if "unknown field" in text:
        valid = ", ".join(_fields_near(text))
        text += f"; valid keys there are {valid}"
    return ConfigurationError(f"{path}: {text}.")


def _fields_near(text: str) -> tuple[str, ...]:
    for key, struct in (
        ("split", SuiteSplit),
        ("metric", SuiteMetric),
        ("expectation", Expectation),
        ("dimension", Band),
        ("gate", Gate),
    ):
        if text.startswith(f"at {key}["):
            inner = Measured if ".measured" in text else struct
            return inner.__struct_fields__
    return Suite.__struct_fields__
