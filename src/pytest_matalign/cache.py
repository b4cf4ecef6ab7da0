"""The user's cache on disk: where it is, how anything gets into it whole, and how keys are made."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import ReadableBuffer


class DamagedEntryWarning(UserWarning):
    """A file of the cache failed its digest and is made again."""


def cache_root() -> Path:
    """Return `$MATALIGN_CACHE`, or the user's cache folder."""
    if named := os.environ.get("MATALIGN_CACHE"):
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("matalign")


def key_of(identity: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of the canonical JSON of everything that determines an entry."""
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def write_whole(path: Path, content: ReadableBuffer) -> None:
    """Write a file that others see whole or not at all, even after a crash of the machine.

    The folder is made if there is none. A write that fails leaves nothing behind, and a file that
    was there stays as it was.

    Raises:
        OSError: If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not `tempfile`, whose files only their owner may read.
    part = path.with_name(f".{os.getpid()}-{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
