"""Versions, in this very Python, of the packages a model's numbers come from."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_matalign.zoo.card import ModelCard

BENEATH = ("ase", "numpy", "rdkit", "torch")
"""What nearly every model stands on."""


def required_here(card: ModelCard) -> dict[str, str]:
    """Return the versions of the distributions of the packages a card requires."""
    return versions_here(*{name for one in card.requires for name in _owners().get(one, [])})


def versions_here(*names: str) -> dict[str, str]:
    """Return the versions of the distributions that are installed, of those named, sorted."""
    found = {}
    for name in sorted(names):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


@cache
def _owners() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()
