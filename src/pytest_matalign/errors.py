"""The errors a user can meet; each message is one sentence naming what, where and what to do."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class MatalignError(Exception):
    """Base of every error raised on purpose by this package."""


class ConfigurationError(MatalignError):
    """An option, suite file, card or `[tool.matalign]` table is wrong."""


class UnavailableError(MatalignError):
    """A model or file is not at hand here; under pytest this is a skip, not a failure."""


class ExtractionError(MatalignError):
    """A model returned something that is not an embedding (shape, dtype, non-finite values)."""


class MetricInputError(MatalignError, ValueError):
    """Arrays handed to a metric cannot be compared."""


class FileError(MatalignError, OSError):
    """A file or folder cannot be read or written."""


LONGEST = 300
"""Characters of what others say of an error or a refusal; it may be a whole file."""


def said(error: object) -> str:
    """Return what an error, or another's reason, says: on one line and of bearable length."""
    line = " ".join(str(error)[: 4 * LONGEST].split())[:LONGEST]
    # A half of a surrogate pair can be written nowhere.
    return line.encode("utf-8", "replace").decode() or type(error).__name__


_CURES = {
    errno.ENOSPC: "free some space, or name another place",
    errno.EDQUOT: "free some of your share, or name another place",
    errno.EFBIG: "raise the limit on the size of files, or name another place",
    errno.EROFS: "name a place that can be written",
    errno.EACCES: "change its permissions, or name another place",
    errno.EPERM: "change its permissions, or name another place",
    errno.EISDIR: "a folder is where a file should be; name another path",
    errno.ENOTDIR: "a file is where a folder should be; name another path",
    errno.EEXIST: "a file is where a folder should be; name another path",
    errno.ELOOP: "its links lead in a circle; name another path",
    errno.ENAMETOOLONG: "name a shorter path",
    errno.ENOENT: "check the path",
}


def sentence_of(error: OSError, path: Path | str | None = None) -> str:
    """Return what an error of the operating system says, where, and what to do, as a sentence."""
    where = path or error.filename
    why = error.strerror or str(error) or type(error).__name__
    cure = _CURES.get(error.errno or 0)
    return f"{where}: {why}{f'; {cure}' if cure else ''}." if where else f"{why}."


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says of a file into a `FileError` of one sentence."""
    try:
        yield
    except MatalignError:
        raise
    except OSError as error:
        raise FileError(sentence_of(error, path)) from None
