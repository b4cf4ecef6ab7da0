"""What an isolated environment is made of: `specs/NAME.toml` and the versions in `NAME.lock`."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

BUNDLED = Path(__file__).parent / "specs"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PIN = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w, -]+\])?==\S+")


class EnvironmentSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One environment, as its TOML file says it."""

    python: str
    """Versions of Python it can be built with, such as `>=3.11,<3.14`."""
    torch: str | None = None
    """Version of torch, installed first and with its dependencies; None where none is needed."""
    requirements: tuple[str, ...] = ()
    """What `matalign env lock` resolves, together."""
    without_dependencies: tuple[str, ...] = ()
    """What it then installs alone, because the versions these ask for are stale."""
    imports: tuple[str, ...] = ()
    """What `matalign env doctor` imports."""
    notes: str = ""
    """Why it is apart."""


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A spec with its name and its lock."""

    name: str
    spec: EnvironmentSpec
    lock: tuple[str, ...]
    """`name==version` of every package but torch and what only torch needs, sorted."""
    lock_file: Path

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what gets installed; words and imports are not part of it."""
        content = {
            "torch": self.spec.torch,
            "lock": sorted(self.lock),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def spec_files() -> Mapping[str, Path]:
    """Every spec by name: those bundled, and those of `$MATALIGN_ENVIRONMENT_SPECS` over them.

    The variable names folders, separated as in `$PATH`.

    Raises:
        ConfigurationError: If a folder of the variable does not exist.
    """
    named = os.environ.get("MATALIGN_ENVIRONMENT_SPECS", "").split(os.pathsep)
    found: dict[str, Path] = {}
    for folder in (BUNDLED, *(Path(name) for name in named if name)):
        if folder != BUNDLED and not folder.is_dir():
            raise ConfigurationError(
                f"MATALIGN_ENVIRONMENT_SPECS names {folder}, which is not a folder."
            )
        found |= {path.stem: path for path in sorted(folder.glob("*.toml"))}
    return dict(sorted(found.items()))


def environment(name: str) -> Environment:
    """Spec and lock of an environment.

    Raises:
        ConfigurationError: If there is no such spec, or the spec or its lock is wrong; the
            message names file and key.
    """
    path = spec_file(name)
    return Environment(
        name=name,
        spec=read_spec(path),
        lock=_read_lock(path.with_suffix(".lock"), name=name),
        lock_file=path.with_suffix(".lock"),
    )


def spec_file(name: str) -> Path:
    """Where an environment's TOML file lies.

    Raises:
        ConfigurationError: If there is none; the closest names are given.
    """
    known = spec_files()
    if name not in known:
        close = get_close_matches(name, known, n=3)
        hint = f"the closest are {', '.join(close)}; " if close else ""
        raise ConfigurationError(
            f"There is no environment {name!r}; {hint}`matalign env list` shows them."
        )
    return known[name]


def read_spec(path: Path) -> EnvironmentSpec:
    """Read one spec.

    Raises:
        ConfigurationError: If it is not TOML, does not fit the schema, or is misnamed.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if not _NAME.fullmatch(path.stem):
        raise ConfigurationError(
            f"{path}: environments are named in lower-case letters and digits joined by hyphens."
        )
    try:
        spec = msgspec.convert(tomllib.loads(path.read_text("utf-8")), EnvironmentSpec)
        SpecifierSet(spec.python)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from error
    except msgspec.ValidationError as error:
        valid = ", ".join(EnvironmentSpec.__struct_fields__)
        raise ConfigurationError(f"{path}: {error}; valid keys are {valid}.") from error
    except InvalidSpecifier as error:
        raise ConfigurationError(
            f'{path}: `python` is {spec.python!r}; write versions as ">=3.11,<3.14".'
        ) from error
    return spec


def _read_lock(path: Path, *, name: str) -> tuple[str, ...]:
    if not path.is_file():
        raise ConfigurationError(
            f"The environment {name!r} has no {path.name}; make it with `matalign env lock {name}`."
        )
    lines = [line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines()]
    for number, line in enumerate(lines, start=1):
        if line and not _PIN.fullmatch(line):
            raise ConfigurationError(
                f"{path}, line {number}: {line!r} is not a pin; write name==version."
            )
    return tuple(line for line in lines if line)
