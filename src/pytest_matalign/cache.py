"""The user's cache on disk: where it is, how anything gets into it whole, and how keys are made."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_matalign.errors import file_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import ReadableBuffer


class DamagedEntryWarning(UserWarning):
    """A file of the cache failed its digest and is made again."""


class UnkeptWarning(UserWarning):
    """A value could not be written into the cache and will be computed again."""


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


def write_whole(path: Path, content: ReadableBuffer, *, durable: bool = True) -> None:
    """Write a file that others see whole or not at all, even after a crash of the machine.

    The folder is made if there is none. A write that fails leaves nothing behind, and a file that
    was there stays as it was.

    Args:
        path: Of the file.
        content: Of the file.
        durable: Wait for the disk, some 10 ms; without it a crash of the machine may leave the
            file torn, which only a file that has its digest in it may be.

    Raises:
        FileError: If it cannot be written.
    """
    # Not `tempfile`, whose files only their owner may read.
    part = path.with_name(f".{_host()}-{os.getpid()}-{secrets.token_hex(8)}.part")
    with file_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(path.parent)
        try:
            with part.open("xb") as stream:
                stream.write(content)
                stream.flush()
                if durable:
                    os.fsync(stream.fileno())
            part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise


def write_output(path: Path, content: ReadableBuffer) -> None:
    """Write a file the user named: whole or not at all, but into what is no file, as `/dev/stdout`.

    Raises:
        FileError: If it cannot be written.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        with file_errors(path):
            path.write_bytes(content)
    else:
        write_whole(path, content)


def clear_leftovers(folder: Path) -> int:
    """Remove what writers of this machine that are dead left in a folder; return how many files.

    A writer is known by the name of its file; those of other machines are left alone, since their
    processes cannot be asked.
    """
    left = 0
    for part in folder.glob(f".{_host()}-*.part"):
        owner = part.name.removeprefix(f".{_host()}-").partition("-")[0]
        if owner.isdecimal() and not alive(int(owner)):
            with suppress(OSError):
                part.unlink()
                left += 1
    return left


def alive(process: int) -> bool:
    """Return whether a process of this machine is there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True  # another user's, or no number of a process
    return True


@cache
def _host() -> str:
    """Return the machine's name, as far as it can be part of a file's."""
    return re.sub(r"\W", "", platform.node()) or "host"
