"""Commits and digests of hub repositories, asked of the hub once and kept in the user's pins file.

A card states the commit and the digests it was written for where they are known. Where they are
not, `matalign zoo pin ID` records what the hub has today; from then on that is the model.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_matalign.cache import cache_root, write_whole
from pytest_matalign.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_matalign.zoo.card import ModelCard, Weights

TOKENISERS = ("*.json", "*.model", "*.txt")
"""Files beside the weights whose digests are recorded where the hub knows them."""


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
    if weights is None or not _open(weights):
        return card
    pin = read_pins(pins_file()).get(card.id)
    if pin is None or (pin.repo, pin.url) != (weights.repo, weights.url):
        return card
    filled = msgspec.structs.replace(
        weights, revision=pin.revision, files=pin.files, sha256=pin.sha256
    )
    return msgspec.structs.replace(card, weights=filled)


def _open(weights: Weights) -> bool:
    """Whether a card leaves open what its weights are."""
    if weights.repo is not None:
        return weights.revision is None
    return weights.url is not None and weights.sha256 is None


def pin(card_id: str) -> Pin:
    """Ask what a card's weights are today, write it to the pins file, and return it.

    A file at a URL is downloaded for that; of a hub repository only the listing is read.

    Raises:
        ConfigurationError: If there is no such card, or it needs no pin.
        UnavailableError: If the repository is gated, missing or out of reach, or has no weights.
    """
    from pytest_matalign.zoo.registry import card, cards

    # The card as written, without what an earlier pin filled in.
    return pin_card(cards()[card(card_id).id])


def pin_card(card: ModelCard) -> Pin:
    """As `pin`, for a card in hand."""
    from filelock import FileLock

    weights = card.weights
    if weights is None or (weights.repo is None and weights.url is None):
        raise ConfigurationError(
            f"{card.id} has no weights on the hub or at a URL; there is nothing to pin."
        )
    if not _open(weights):
        raise ConfigurationError(
            f"{card.id}: the card itself states its commit or digest; there is nothing to pin."
        )
    found = _ask_hub(card.id, weights) if weights.repo else _download(card.id, weights)
    path = pins_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        book = _Book(pins={**read_pins(path), card.id: found})
        text = msgspec.json.format(msgspec.json.encode(book, order="sorted"), indent=2)
        write_whole(path, text + b"\n")
    return found


def _download(model: str, weights: Weights) -> Pin:
    from pytest_matalign.zoo.download import retrieve
    from pytest_matalign.zoo.weights import file_sha256

    assert weights.url is not None
    return Pin(url=weights.url, sha256=file_sha256(retrieve(weights.url, model=model)))


def _ask_hub(model: str, weights: Weights) -> Pin:
    """Commit of the default branch, and the digests the hub keeps of its large files."""
    from huggingface_hub import HfApi

    from pytest_matalign.zoo.hub import explain

    repo = weights.repo
    assert repo is not None
    try:
        info = HfApi().model_info(repo, files_metadata=True)
    except _refusals() as error:
        raise UnavailableError(f"{model}: {explain(repo, error)}") from error
    large = {
        one.rfilename: one.lfs.sha256 for one in info.siblings or () if one.lfs and one.lfs.sha256
    }
    chosen = weight_names(list(large), path=weights.path)
    if not chosen or info.sha is None:
        wanted = weights.path or "safetensors or pytorch_model.bin"
        raise UnavailableError(f"{model}: {repo} has no weights ({wanted}) at its newest commit.")
    beside = [name for name in large if "/" not in name and _matches(name, TOKENISERS)]
    files = {name: large[name] for name in sorted({*chosen, *beside})}
    return Pin(repo=repo, revision=info.sha, files=files, sha256=files_digest(files))


def weight_names(names: Sequence[str], *, path: str | None) -> list[str]:
    """The files of weights among the names of a repository.

    Args:
        names: Paths in the repository.
        path: Glob pattern of the card; without one, what transformers reads: safetensors at the
            root, and the pickled `pytorch_model*.bin` only where there are none.
    """
    if path is not None:
        return [name for name in names if fnmatch.fnmatchcase(name, path)]
    root = [name for name in names if "/" not in name]
    safe = [name for name in root if name.endswith(".safetensors")]
    return safe or [name for name in root if fnmatch.fnmatchcase(name, "pytorch_model*.bin")]


def files_digest(files: Mapping[str, str]) -> str:
    """One digest for several files: the only one's own, else over lines `digest  path`."""
    if len(files) == 1:
        return next(iter(files.values()))
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _refusals() -> tuple[type[Exception], ...]:
    """What the hub client raises: its own errors and those of the HTTP library it came with."""
    from huggingface_hub import errors

    httpx: Any = sys.modules.get("httpx")
    transport: tuple[type[Exception], ...] = (httpx.HTTPError,) if httpx else ()
    return (errors.HfHubHTTPError, OSError, *transport)
