"""A checkpoint file of a family the zoo knows, as a card: `mace:path.model?head=default`."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.card import Weights
from pytest_matalign.zoo.catalogue import cards

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_matalign.zoo.card import ModelCard

_NAMED = re.compile(r"(?P<family>[a-z0-9-]+):(?P<path>[^?]+)(\?(?P<options>.*))?")
_AGELESS = (
    "files of MatGL do not say which release saved them, and from 3 on it reads older ones as "
    "another network without an error"
)
_NEEDED = {"matgl": ("saved_by", _AGELESS)}
"""Options without which an adapter could take a file for what it is not, and why."""


def of_file(spec: str, *, root: Path) -> ModelCard | None:
    """Return the card of `family:path?option=value&…`; None if no family comes first.

    It is the card of the family's first trained model with other weights, and without what is
    known of that model only: options, elements, energies, width.

    Args:
        spec: Family, or the name of an adapter, and path of a file or folder.
        root: Where a relative path starts.

    Raises:
        ConfigurationError: Its adapter reads no files, or there is none.
    """
    match = _NAMED.fullmatch(spec)
    known = [one for one in cards().values() if one.role == "pretrained"]
    alike = [one for one in known if match and match["family"] in (one.family, one.adapter)]
    if match is None or not alike:
        return None
    family, path = match["family"], (root / match["path"]).absolute()
    alike = [one for one in alike if one.weights and _reads_files(one.adapter)]
    if not alike:
        names = sorted({one.family for one in known if one.weights and _reads_files(one.adapter)})
        raise ConfigurationError(
            f"{spec}: no adapter reads checkpoint files of {family!r}; those of "
            f"{', '.join(names)} do."
        )
    if not path.exists():
        raise ConfigurationError(f"{spec}: there is no file or folder {path}.")
    options = _options(match["options"] or "", spec)
    option, why = _NEEDED.get(alike[0].adapter, ("", ""))
    if option and option not in options:
        raise ConfigurationError(f"{spec}: {why}; write {spec}?{option}=2, or its major version.")
    weights = alike[0].weights
    assert weights is not None, "cards without weights were left out"
    return msgspec.structs.replace(
        alike[0],
        id=f"{family}-{re.sub(r'[^a-z0-9.]+', '-', path.name.lower()).strip('-.')}",
        name=path.name,
        options=options,
        weights=Weights(path=str(path), pickled=weights.pickled or weights.package is not None),
        energies=(),
        elements=None,
        width=None,
        training=(),
        level_of_theory=None,
        parameters=None,
        derived_from=None,
        supersedes=None,
        paper=None,
        state="declared",
        notes=None,
    )


def _options(text: str, spec: str) -> dict[str, str | int | float | bool]:
    """Return options of the adapter; whole numbers are numbers."""
    found: dict[str, str | int | float | bool] = {}
    for part in filter(None, text.split("&")):
        name, equals, value = part.partition("=")
        if not (name and equals):
            raise ConfigurationError(f"{spec}: {part!r} is no option; write name=value.")
        found[name] = int(value) if value.isdecimal() else value
    return found


def _reads_files(adapter: str) -> bool:
    module = f"pytest_matalign.zoo.adapters.{adapter}"
    return "." not in adapter and hasattr(importlib.import_module(module), "weight_files")
