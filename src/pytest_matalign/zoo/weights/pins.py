"""The user's pins file: commits and digests of weights whose cards state none.

A card states the commit and the digests it was written for where they are known. Where they are
not, `matalign zoo pin ID` records what the hub has today; from then on that is the model.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.cache import cache_root, write_whole
from pytest_matalign.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_matalign.zoo.card import ModelCard, Weights


class Pin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the weights of one card are: files of a repository at a commit, or a file at a URL."""

    repo: str | None = None
    revision: str | None = None
    files: dict[str, str] = {}
    """SHA-256 of the repository's large files that are read, by path."""
    url: str | None = None
    sha256: str | None = None
    """Of the file at the URL, or over all files of the repository."""


class _Book(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The pins file."""

    version: int = 1
    pins: dict[str, Pin] = {}


def pins_file() -> Path:
    """`$MATALIGN_PINS`, or `pins.json` beside the embeddings in the user's cache folder."""
    if named := os.environ.get("MATALIGN_PINS"):
        return Path(named)
    return cache_root() / "pins.json"


def read_pins(path: Path) -> Mapping[str, Pin]:
    """Every pin by model id; none if there is no file.

    Raises:
        ConfigurationError: If the file is not a pins file of this version.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        book = msgspec.json.decode(content, type=_Book)
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f"{path} is not a pins file ({error}); delete it and pin again."
        ) from error
    if book.version != 1:
        raise ConfigurationError(
            f"{path} has version {book.version}, this release reads 1; delete it and pin again."
        )
    return book.pins


def pinned(card: ModelCard) -> ModelCard:
    """The card with commit and digests from the pins file, where it states none itself.

    A pin of another repository or URL than the card's is of an earlier card and left aside.
    """
    weights = card.weights
    if weights is None or not is_open(weights):
        return card
    pin = read_pins(pins_file()).get(card.id)
    if pin is None or (pin.repo, pin.url) != (weights.repo, weights.url):
        return card
    filled = msgspec.structs.replace(
        weights, revision=pin.revision, files=pin.files, sha256=pin.sha256
    )
    return msgspec.structs.replace(card, weights=filled)


def is_open(weights: Weights) -> bool:
    """Whether a card leaves open what its weights are."""
    if weights.repo is not None:
        return weights.revision is None
    return weights.url is not None and weights.sha256 is None and not weights.files


def unpinned(card: ModelCard) -> str:
    """Return what to do about a card that leaves open what its weights are."""
    assert card.weights is not None
    if card.weights.repo is not None:
        return (
            f"{card.id}: the card names {card.weights.repo} but no commit; run "
            f"`matalign zoo pin {card.id}` once where the hub can be reached."
        )
    return (
        f"{card.id}: the card states no sha256 of {card.weights.url}; `matalign zoo pin {card.id}` "
        f"downloads the file and records its digest, so that it cannot change afterwards."
    )


def write_pin(model: str, pin: Pin) -> None:
    """Add a pin to the pins file, over an earlier one of the same model."""
    from filelock import FileLock

    path = pins_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        book = _Book(pins={**read_pins(path), model: pin})
        text = msgspec.json.format(msgspec.json.encode(book, order="sorted"), indent=2)
        write_whole(path, text + b"\n")
