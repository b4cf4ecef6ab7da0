"""Content-addressed storage on disk: written atomically, checked by digest, locked per key.

Nothing is ever looked up by name. The key of an entry is a hash of everything that determines
its content, so an entry can be missing or damaged but never stale. The digest of an entry covers
its key and all that is said of it, so that a file put in another's place is as good as damaged.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pytest_matalign.cache import DamagedEntryWarning, key_of, write_whole
from pytest_matalign.embeddings.embedding import content_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


Value = TypeVar("Value")


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """What a model made of a block of samples: vectors [accepted, width] and refusals."""

    ids: tuple[str, ...]
    refused: dict[str, str]
    vectors: Any
    """float32 array [len(ids), width]."""


class Store:
    """A folder of embedding blocks (`.safetensors`) and comparison results (`.json`)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read_rows(self, key: str) -> Rows | None:
        """Rows stored under a key; None if absent or damaged (then a warning says so)."""
        path = self._path("embeddings", key, ".safetensors")
        if not path.is_file():
            return None
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as file:
                entry = json.loads(file.metadata()["matalign"])
                vectors: NDArray[np.float32] = file.get_tensor("vectors")
            rows = Rows(ids=tuple(entry["ids"]), refused=entry["refused"], vectors=vectors)
            intact = entry["digest"] == _rows_digest(key, rows, entry["provenance"])
        except (SafetensorError, ValueError, KeyError, TypeError, OSError):
            intact = False
        if intact:
            return rows
        _report_damage(path)
        return None

    def write_rows(self, key: str, rows: Rows, *, provenance: Mapping[str, Any]) -> None:
        """Store rows under a key; an interrupted write leaves nothing behind."""
        from safetensors.numpy import save

        entry = {
            "ids": list(rows.ids),
            "refused": rows.refused,
            "digest": _rows_digest(key, rows, provenance),
            "provenance": dict(provenance),
        }
        write_whole(
            self._path("embeddings", key, ".safetensors"),
            save({"vectors": rows.vectors}, metadata={"matalign": json.dumps(entry)}),
        )

    def read_result(self, key: str, *, type: type[Value]) -> Value | None:  # noqa: A002  as msgspec calls it
        """Value stored under a key; None if absent, damaged or of another type.

        A warning tells of the latter two.
        """
        path = self._path("results", key, ".json")
        if not path.is_file():
            return None
        try:
            entry = msgspec.json.decode(path.read_bytes(), type=_Result)
            if entry.digest == _result_digest(key, entry.value):
                return msgspec.json.decode(entry.value, type=type)
        except (msgspec.MsgspecError, OSError):
            pass
        _report_damage(path)
        return None

    def write_result(self, key: str, value: Any) -> None:
        """Store a value that is JSON or a struct of it under a key."""
        content = msgspec.Raw(msgspec.json.encode(value))
        entry = _Result(digest=_result_digest(key, content), value=content)
        write_whole(self._path("results", key, ".json"), msgspec.json.encode(entry))

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock that other processes using this store respect."""
        from filelock import FileLock

        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock"):
            yield

    def _path(self, room: str, key: str, suffix: str) -> Path:
        return self.root / room / key[:2] / (key + suffix)


class _Result(msgspec.Struct, frozen=True, kw_only=True):
    digest: str
    value: msgspec.Raw


def _result_digest(key: str, content: msgspec.Raw) -> str:
    return hashlib.sha256(key.encode() + b"\n" + bytes(content)).hexdigest()


def _rows_digest(key: str, rows: Rows, provenance: Mapping[str, Any]) -> str:
    return key_of(
        {
            "key": key,
            "rows": content_digest(rows.ids, rows.vectors),
            "refused": rows.refused,
            "provenance": dict(provenance),
        }
    )


def _report_damage(path: Path) -> None:
    # Shown even where the host turns warnings into errors: a damaged file is mended, not fatal.
    with warnings.catch_warnings():
        warnings.simplefilter("always", DamagedEntryWarning)
        warnings.warn(
            f"The store entry {path} is damaged (its digest or form is wrong); computing it again.",
            DamagedEntryWarning,
            stacklevel=3,
        )
