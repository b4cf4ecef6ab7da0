"""Weight files that are on this machine already: in an installed package, or at a path."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.weights.digest import file_sha256

if TYPE_CHECKING:
    from pytest_matalign.zoo.card import ModelCard


def is_local(card: ModelCard) -> bool:
    """Whether a card's weights lie in a package or at a path, and are not fetched."""
    weights = card.weights
    return weights is not None and weights.repo is None and weights.url is None


def local_files(card: ModelCard) -> tuple[Path, ...]:
    """Return the weight files of a card, sorted by path.

    Raises:
        ConfigurationError: If the card names neither a file inside a package nor an absolute path.
        UnavailableError: If package or files are not there.
    """
    weights = card.weights
    if weights is None or weights.path is None:
        raise ConfigurationError(
            f"{card.id}: the card names no weight file: neither one inside a package, nor an "
            f"absolute path, nor a repository, nor a URL."
        )
    root = _root(card)
    if weights.package is None:
        files = tuple(sorted(one for one in root.rglob("*") if one.is_file())) or (root,)
        if not files[0].is_file():
            raise UnavailableError(f"{card.id}: there is no weight file at {root}.")
        return files
    files = tuple(sorted(path for path in root.glob(weights.path) if path.is_file()))
    if not files:
        raise UnavailableError(
            f"{card.id}: {weights.package} is installed without {weights.path}; install a "
            f"version that carries its weights."
        )
    return files


def local_digests(card: ModelCard) -> dict[str, str]:
    """Return the SHA-256 of each weight file, by its path in the package or the user's folder.

    Raises:
        ConfigurationError: As `local_files`.
        UnavailableError: As `local_files`.
    """
    root = _root(card)
    files = local_files(card)
    return {path.relative_to(root).as_posix(): file_sha256(path) for path in files}


def _root(card: ModelCard) -> Path:
    """Folder the names of a card's weight files are relative to."""
    weights = card.weights
    assert weights is not None
    if weights.package is not None:
        return _package_folder(weights.package, model=card.id)
    path = Path(weights.path or "").expanduser()
    if not path.is_absolute():
        raise ConfigurationError(
            f"{card.id}: weights.path is {weights.path!r}; without a package or repository it is "
            f"an absolute path on this machine."
        )
    return path


def _package_folder(package: str, *, model: str) -> Path:
    """Folder of an installed top-level package, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UnavailableError(f"{model}: the package {package} is not installed.")
    return Path(spec.submodule_search_locations[0])
