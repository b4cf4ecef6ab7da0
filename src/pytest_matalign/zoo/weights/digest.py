"""What identifies the weights a model's numbers come from: told from its card, or from files.

Everything here is pure. Blocks of the store and entries of packs are accepted or refused by these
digests, so there is one way to compute each of them.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_matalign.zoo.card import ModelCard, Weights


def model_digest(card: ModelCard, *, weights: str | None) -> str | None:
    """Return the SHA-256 (hex) of what makes a model's numbers, apart from the adapter's code.

    That is the digest of its weights; a control adds its options (kind, seed) to that, and has
    only them where it reads no file.

    Args:
        card: Of the model.
        weights: Digest of its weight files, as `stated_digest` or `files_digest` gives it; None
            where it has none, or they are not known.

    Returns:
        None if the model has weights and they are not known.
    """
    if weights is None and (card.weights is not None or card.role == "pretrained"):
        return None
    if card.role == "pretrained":
        return weights
    parts = [weights] if weights is not None else []
    parts += [card.adapter, json.dumps(card.options, sort_keys=True)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def stated_digest(weights: Weights | None) -> str | None:
    """Return the digest of weight files as far as a card states it, or None.

    Of several files it is the digest of those listed; where a repository lists none, its name
    and commit stand for them.
    """
    if weights is None:
        return None
    if weights.sha256 is not None:
        return weights.sha256
    if weights.files:
        return files_digest(weights.files)
    if weights.repo is None or weights.revision is None:
        return None
    return hashlib.sha256(f"{weights.repo}@{weights.revision}".encode()).hexdigest()


def files_digest(files: Mapping[str, str]) -> str:
    """Return one digest for the files of this SHA-256 by path.

    The only one's own; of several, the SHA-256 over lines `digest  path`, sorted by path.
    """
    if len(files) == 1:
        return next(iter(files.values()))
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 (hex) of a file, read once a process."""
    stat = path.stat()
    return _digest_of(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4096)
def _digest_of(path: Path, size: int, modified: int) -> str:
    """Size and time of change stand for a file's content."""
    del size, modified
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
