"""The one way in which files of others are opened: suites, packs, scorecards, baselines, rows.

Such a file may be anything: a pipe, a device, a link to itself, a gigabyte of nothing, or bytes
made to break a parser. It is looked at before it is read, read up to a limit, and whatever its
parser raises becomes one sentence.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from pytest_matalign.errors import ConfigurationError, MatalignError, said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Refusal: TypeAlias = "Callable[[str], ConfigurationError]"
"""Makes an error of why a file is refused, without a full stop at its end."""
TEXT_BYTES = 2**20
"""The most that a file written by hand may have."""
_MOST_PARTS = 64
_LONG_KEY = re.compile(
    rf"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_MOST_PARTS}}}"""
)


@contextmanager
def untrusted(path: Path, *, most: int, refusal: Refusal) -> Iterator[bytes]:
    """Give the content of a file to a block that makes something of it.

    Args:
        path: Of a regular file, or of a link to one.
        most: Bytes it may have.
        refusal: Of anything that is wrong with it.

    Raises:
        ConfigurationError: The refusal, if the file cannot be read or the block raises anything.
    """
    try:
        yield _content(path, most)
    except MatalignError:
        raise
    except OSError as error:
        raise refusal(f"it cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise refusal("it asks for more memory than there is") from None
    except RecursionError:
        raise refusal("it is nested too deeply") from None
    except Exception as error:  # noqa: BLE001  parsers raise what they like on bytes of others
        raise refusal(_of_parser(error)) from None


def toml(content: bytes) -> dict[str, Any]:
    """Return what a TOML file holds.

    Raises:
        ValueError: If it is none, or has a key of so many parts that reading it, which takes
            memory by the square of them, would take gigabytes.
    """
    text = content.decode()
    if _LONG_KEY.search(text):
        raise ValueError(f"a key has more than {_MOST_PARTS} parts")
    return tomllib.loads(text)


def _of_parser(error: Exception) -> str:
    """Return what a parser says."""
    told = said(error).removesuffix(".")
    forms = {"TOMLDecodeError": "TOML", "UnicodeDecodeError": "UTF-8 text", "DecodeError": "JSON"}
    form = forms.get(type(error).__name__)
    return f"it is not valid {form} ({told})" if form else told


def _content(path: Path, most: int) -> bytes:
    # Not to wait for somebody to write into a pipe.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(number, "rb") as file:
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("it is not a regular file")
        if found.st_size <= most:
            content = file.read(most + 1)  # it may have grown since
            if len(content) <= most:
                return content
        raise OSError(f"it has more than the {most} bytes allowed")
