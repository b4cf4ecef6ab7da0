"""Content-addressed storage on disk: written atomically, checked by digest, locked per key.

Nothing is ever looked up by name. The key of an entry is a hash of everything that determines
its content, so an entry can be missing or damaged but never stale. The digest of an entry covers
its key and all that is said of it, so that a file put in another's place is as good as damaged.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pytest_matalign.cache import DamagedEntryWarning, UnkeptWarning, key_of, write_whole
from pytest_matalign.embeddings.embedding import content_digest
from pytest_matalign.embeddings.tensors import header_of
from pytest_matalign.errors import ConfigurationError, FileError, file_errors
from pytest_matalign.progress import say
from pytest_matalign.untrusted import untrusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import numpy as np
    from filelock import FileLock
    from numpy.typing import NDArray


Value = TypeVar("Value")
PATIENCE_S = 2.0
"""How long a lock is waited for in silence."""
LARGEST_BLOCK = 512 * 2**20
LARGEST_RESULT = 64 * 2**20


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
        try:
            return read_rows(path, key=key)
        except ConfigurationError:
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
            return read_value(path, key=key, type=type)
        except ConfigurationError:
            _report_damage(path)
            return None

    def write_result(self, key: str, value: Any) -> None:
        """Store a value that is JSON or a struct of it under a key.

        Where it cannot be written a warning says so: the value is there, and nothing but time is
        lost.
        """
        content = msgspec.Raw(msgspec.json.encode(value))
        entry = _Result(digest=_result_digest(key, content), value=content)
        try:
            # Not durable: there are thousands, each remade in milliseconds where torn.
            path = self._path("results", key, ".json")
            write_whole(path, msgspec.json.encode(entry), durable=False)
        except FileError as error:
            _report_unkept(str(error))

    @contextmanager
    def lock(self, name: str, *, what: str) -> Iterator[None]:
        """Hold a lock that other processes using this store respect.

        Args:
            name: Of the lock.
            what: Told to whoever waits for it, with the process that holds it.

        Raises:
            FileError: If it cannot be had where the store is.
        """
        from filelock import FileLock

        folder = self.root / "locks"
        path = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock"
        with file_errors(path):
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            _acquired(lock, path.with_suffix(".holder"), what)
        try:
            yield
        finally:
            lock.release()

    def _path(self, room: str, key: str, suffix: str) -> Path:
        return self.root / room / key[:2] / (key + suffix)


def _acquired(lock: FileLock, holder: Path, what: str) -> None:
    """Take a lock, telling for whom it waits; the note of the holder is a courtesy only."""
    from filelock import Timeout

    waits = iter((PATIENCE_S, *[60.0] * 10**6))
    while True:
        try:
            lock.acquire(timeout=next(waits))
            break
        except Timeout:
            with suppress(OSError, UnicodeDecodeError):
                say(f"{what}: waiting for {holder.read_text('utf-8')}")
    now = time.strftime("%H:%M:%S")
    with suppress(OSError):
        holder.write_text(f"process {os.getpid()} on {platform.node()}, since {now}", "utf-8")


def read_rows(path: Path, *, key: str) -> Rows:
    """Return the rows of a file of a store.

    Raises:
        ConfigurationError: If it is not what was stored under the key.
    """
    from safetensors.numpy import load

    with untrusted(path, most=LARGEST_BLOCK, refusal=damaged(path)) as content:
        entry = json.loads(header_of(content)["__metadata__"]["matalign"])
        vectors: NDArray[np.float32] = load(content)["vectors"]
        rows = Rows(ids=tuple(entry["ids"]), refused=entry["refused"], vectors=vectors)
        if entry["digest"] != _rows_digest(key, rows, entry["provenance"]):
            raise ValueError("its digest is another")
        return rows


def read_value(path: Path, *, key: str, type: type[Value]) -> Value:  # noqa: A002  as msgspec calls it
    """Return the value of a file of a store.

    Raises:
        ConfigurationError: If it is not what was stored under the key, or of another type.
    """
    with untrusted(path, most=LARGEST_RESULT, refusal=damaged(path)) as content:
        entry = msgspec.json.decode(content, type=_Result)
        if entry.digest != _result_digest(key, entry.value):
            raise ValueError("its digest is another")
        return msgspec.json.decode(entry.value, type=type)


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


def check_value(path: Path, *, key: str) -> None:
    """Check that a file holds some value that was stored under the key.

    Raises:
        ConfigurationError: If it does not.
    """
    read_value(path, key=key, type=object)


def damaged(path: Path) -> Callable[[str], ConfigurationError]:
    """Return what makes the refusal of an entry."""
    return lambda why: ConfigurationError(f"The store entry {path} is damaged: {why}.")


def _report_damage(path: Path) -> None:
    _warn(
        f"The store entry {path} is damaged (its digest or form is wrong); computing it again.",
        DamagedEntryWarning,
    )


def _report_unkept(sentence: str) -> None:
    _warn(f"What was compared is not kept: {sentence}", UnkeptWarning)


def _warn(sentence: str, category: type[UserWarning]) -> None:
    # Shown even where the host turns warnings into errors: the work goes on.
    with warnings.catch_warnings():
        warnings.simplefilter("always", category)
        warnings.warn(sentence, category, stacklevel=4)
