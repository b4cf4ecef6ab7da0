"""Weight files: where they lie, and the digest that says which weights an embedding came from."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.pins import pinned

if TYPE_CHECKING:
    from pytest_matalign.zoo.card import ModelCard


def weight_files(card: ModelCard) -> tuple[Path, ...]:
    """The weight files of a card on this machine, sorted by path.

    They lie in an installed package, at an absolute path of a user's own card (one file, or a
    folder with all its files), on the hub or at a URL, from where they are fetched.

    Raises:
        ConfigurationError: If the card names none of these.
        UnavailableError: If the package or the files are not there or cannot be fetched.
    """
    weights = card.weights
    if weights is not None and weights.url is not None:
        from pytest_matalign.zoo.download import fetch

        return (fetch(card),)
    if weights is not None and weights.repo is not None:
        return _hub_files(card, pattern=weights.path or "*.safetensors")
    if (local := _local(card)) is not None:
        return _local_files(local, model=card.id)
    if weights is None or weights.package is None or weights.path is None:
        raise ConfigurationError(
            f"{card.id}: the card names no weight file: neither one inside a package, nor an "
            f"absolute path, nor a repository, nor a URL."
        )
    root = package_folder(weights.package, model=card.id)
    files = tuple(sorted(path for path in root.glob(weights.path) if path.is_file()))
    if not files:
        raise UnavailableError(
            f"{card.id}: {weights.package} is installed without {weights.path}; install a "
            f"version that carries its weights."
        )
    return files


def _local(card: ModelCard) -> Path | None:
    """The absolute path a user's own card names, or None."""
    weights = card.weights
    if weights is None or weights.path is None or weights.package or weights.repo or weights.url:
        return None
    path = Path(weights.path).expanduser()
    if not path.is_absolute():
        raise ConfigurationError(
            f"{card.id}: weights.path is {weights.path!r}; without a package or repository it is "
            f"an absolute path on this machine."
        )
    return path


def _hub_files(card: ModelCard, *, pattern: str) -> tuple[Path, ...]:
    from pytest_matalign.zoo.hub import fetch

    found = tuple(sorted(one for one in fetch(card).glob(pattern) if one.is_file()))
    if not found:
        raise UnavailableError(f"{card.id}: its repository has no file {pattern} at its commit.")
    return found


def _local_files(path: Path, *, model: str) -> tuple[Path, ...]:
    files = tuple(sorted(one for one in path.rglob("*") if one.is_file())) or (path,)
    if not files[0].is_file():
        raise UnavailableError(f"{model}: there is no weight file at {path}.")
    return files


def package_folder(package: str, *, model: str) -> Path:
    """Folder of an installed top-level package, found without importing it.

    Raises:
        UnavailableError: If the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UnavailableError(f"{model}: the package {package} is not installed.")
    return Path(spec.submodule_search_locations[0])


def weights_digest(card: ModelCard) -> str:
    """SHA-256 (hex) of what makes this model's numbers, apart from the adapter's code.

    One weight file: its SHA-256. Several: the SHA-256 over one line `digest  name` for each,
    sorted by path. A control adds its options (kind, seed) to that, and has only them where it
    reads no file.

    Raises:
        UnavailableError: If the files are not there.
    """
    parts = [file_digest(card)] if card.weights is not None else []
    if card.role == "pretrained":
        if not parts:
            raise ConfigurationError(f"{card.id}: a pretrained model's card needs [weights].")
        return parts[0]
    parts += [card.adapter, json.dumps(card.options, sort_keys=True)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def file_digest(card: ModelCard) -> str:
    """SHA-256 (hex) of the card's weight file or files, as in `weights_digest`.

    Files at a URL or on the hub are not fetched for that: only those of the card are admitted.
    """
    card = pinned(card)
    if card.weights is not None and card.weights.repo is not None:
        from pytest_matalign.zoo.hub import hub_digest

        return hub_digest(card)
    if card.weights is not None and card.weights.url is not None and card.weights.sha256:
        return card.weights.sha256
    files = weight_files(card)
    digests = [file_sha256(path) for path in files]
    if len(files) == 1:
        return digests[0]
    common = weight_root(card)
    lines = (
        f"{digest}  {path.relative_to(common).as_posix()}\n"
        for digest, path in zip(digests, files, strict=True)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def weight_root(card: ModelCard) -> Path:
    """Folder the names of a card's weight files are relative to: a package's, or its own."""
    if (local := _local(card)) is not None:
        return local
    assert card.weights is not None
    assert card.weights.package is not None
    return package_folder(card.weights.package, model=card.id)


def check_weights(card: ModelCard) -> None:
    """Refuse weight files other than those the card describes.

    Raises:
        UnavailableError: If they are missing or differ from the card's `sha256`.
    """
    if card.weights is None or card.weights.sha256 is None:
        return
    if card.weights.package is None and _local(card) is None:
        return  # hub files and downloads are checked where they are fetched
    found = file_digest(card)
    if found == card.weights.sha256:
        return
    place = card.weights.package or card.weights.path
    cure = "install the version" if card.weights.package else "give the file"
    raise UnavailableError(
        f"{card.id}: the weights in {place} have sha256 {found[:12]}, the card "
        f"describes {card.weights.sha256[:12]}; {cure} the card was written for."
    )


def file_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file, read once a process."""
    stat = path.stat()
    return _digest_of(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4096)
def _digest_of(path: Path, size: int, modified: int) -> str:
    """Read a file once a process; size and time of change stand for its content."""
    del size, modified
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
