"""Looking after a store: what it holds, what of it is damaged, and what may go."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_matalign.cache import clear_leftovers
from pytest_matalign.embeddings.store import LARGEST_BLOCK, check_value, damaged, read_rows
from pytest_matalign.embeddings.tensors import header_of
from pytest_matalign.errors import ConfigurationError, file_errors
from pytest_matalign.untrusted import untrusted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY_S = 86_400.0


@dataclass(frozen=True)
class Entry:
    """One file of a store, by the key in its name."""

    path: Path
    key: str
    of: str
    """`embeddings` or `results`."""


def entries(root: Path) -> Iterator[Entry]:
    """Yield every entry of a store."""
    for room, suffix in (("embeddings", ".safetensors"), ("results", ".json")):
        for path in sorted((root / room).glob(f"??/*{suffix}")):
            yield Entry(path, path.name.removesuffix(suffix), room)


def fault(entry: Entry) -> str:
    """Return what is wrong with an entry; nothing if it is what was stored under its key."""
    try:
        if entry.of == "embeddings":
            read_rows(entry.path, key=entry.key)
        else:
            check_value(entry.path, key=entry.key)
    except ConfigurationError as error:
        return str(error)
    return ""


def prune(root: Path, *, older_than: float | None) -> tuple[int, int]:
    """Remove damaged entries, what dead writers left, and entries not written for some days.

    Returns:
        How many files went, and how many bytes they had.

    Raises:
        FileError: If one cannot be removed.
    """
    limit = time.time() - older_than * DAY_S if older_than is not None else None
    files = size = 0
    for entry in entries(root):
        with file_errors(entry.path):
            found = entry.path.lstat()
            if (limit is not None and found.st_mtime < limit) or fault(entry):
                entry.path.unlink()
                files, size = files + 1, size + found.st_size
    for folder in {path.parent for path in root.glob("*/??/.*.part")}:
        files += clear_leftovers(folder)
    return files, size


def sizes(root: Path) -> tuple[Counter[tuple[str, str]], int]:
    """Return the bytes of the rows by model and split, and those of the results."""
    rows: Counter[tuple[str, str]] = Counter()
    results = 0
    for entry in entries(root):
        with suppress(OSError):
            size = entry.path.stat().st_size
            if entry.of == "results":
                results += size
            else:
                rows[_whose(entry)] += size
    return rows, results


def _whose(entry: Entry) -> tuple[str, str]:
    try:
        with untrusted(entry.path, most=LARGEST_BLOCK, refusal=damaged(entry.path)) as content:
            told = json.loads(header_of(content)["__metadata__"]["matalign"])["provenance"]
            names = (told[key] for key in ("model", "hub", "candidate") if key in told)
            return str(next(names, "a factory")), str(told["split"])
    except ConfigurationError:
        return "(damaged)", ""
