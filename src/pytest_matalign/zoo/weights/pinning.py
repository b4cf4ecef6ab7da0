"""Ask the hub, or a URL, what the weights of a card are today, and keep the answer as a pin."""

from __future__ import annotations

import fnmatch
import sys
from typing import TYPE_CHECKING, Any

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.weights.digest import file_sha256, files_digest
from pytest_matalign.zoo.weights.hub import hubs_reason
from pytest_matalign.zoo.weights.pins import Pin, is_open, write_pin
from pytest_matalign.zoo.weights.url import retrieve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_matalign.zoo.card import ModelCard, Weights

TOKENISERS = ("*.json", "*.model", "*.txt")
"""Files beside the weights whose digests are recorded where the hub knows them."""


def pin(card: ModelCard) -> Pin:
    """Ask what a card's weights are today, write it to the pins file, and return it.

    A file at a URL is downloaded for that; of a hub repository only the listing is read.

    Raises:
        ConfigurationError: If the card needs no pin.
        UnavailableError: If the repository is gated, missing or out of reach, or has no weights.
    """
    weights = card.weights
    if weights is None or (weights.repo is None and weights.url is None):
        raise ConfigurationError(
            f"{card.id} has no weights on the hub or at a URL; there is nothing to pin."
        )
    if not is_open(weights):
        raise ConfigurationError(
            f"{card.id}: the card itself states its commit or digest; there is nothing to pin."
        )
    if weights.url is not None:
        found = Pin(url=weights.url, sha256=file_sha256(retrieve(weights.url, model=card.id)))
    else:
        found = _ask_hub(card.id, weights)
    write_pin(card.id, found)
    return found


def _ask_hub(model: str, weights: Weights) -> Pin:
    """Commit of the default branch, and the digests the hub keeps of its large files."""
    from huggingface_hub import HfApi

    repo = weights.repo
    assert repo is not None
    try:
        info = HfApi().model_info(repo, files_metadata=True)
    except _refusals() as error:
        raise UnavailableError(f"{model}: {hubs_reason(repo, error)}") from error
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
    """Return the files of weights among the names of a repository.

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


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _refusals() -> tuple[type[Exception], ...]:
    """What the hub client raises: its own errors and those of the HTTP library it came with."""
    from huggingface_hub import errors

    httpx: Any = sys.modules.get("httpx")
    transport: tuple[type[Exception], ...] = (httpx.HTTPError,) if httpx else ()
    return (errors.HfHubHTTPError, OSError, *transport)
