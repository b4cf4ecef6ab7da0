"""Code of a model that would end the process, or the check it is asked in, without a word."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_matalign.errors import (
    ExtractionError,
    FileError,
    MatalignError,
    said,
    sentence_of,
)
from pytest_matalign.escaping import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

_WAYS = ("_exit", "execv", "execve")
"""Functions of `os` that end a process with a status of their own choice, without a word."""


@contextmanager
def staying(model: str) -> Iterator[None]:
    """Turn what the block raises, and `os._exit` and `os.exec*`, into an error of the model.

    A run that ended with status 0 in the middle would pass for one that judged something, and so
    would one whose checks a model has skipped. Forks end as they like, but do not leave the block.
    What goes past Python's `os`, such as `_exit` of C, is not seen; who must reckon with that
    judges an `.npz`, which runs no code.

    Raises:
        FileError: If the block raised an error of the operating system.
        ExtractionError: If it raised anything else, also `sys.exit` and `pytest.skip`, or called
            one of them in the main thread. In another thread, where an error would be lost, the
            process ends with status 1.
    """
    own, known = os.getpid(), {name: getattr(os, name) for name in _WAYS}

    def guarded(name: str) -> Any:
        def call(*arguments: Any) -> NoReturn:
            if os.getpid() != own:
                known[name](*arguments)
            told = f"model {model!r} called os.{name}, which would have ended the run unjudged."
            if threading.current_thread() is threading.main_thread():
                raise ExtractionError(told)
            sys.stderr.write(f"matalign: {told}\n")
            sys.stderr.flush()
            known["_exit"](1)
            raise AssertionError("nothing comes back from there")

        return call

    for name in _WAYS:
        setattr(os, name, guarded(name))
    try:
        yield
    except (KeyboardInterrupt, MatalignError):
        raise
    except BaseException as error:
        raise _error_of(model, error) from error
    finally:
        if os.getpid() != own:
            known["_exit"](1)  # a fork that goes on would be a second run beside this one
        for name, function in known.items():
            setattr(os, name, function)


def _error_of(model: str, error: BaseException) -> MatalignError:
    if isinstance(error, OSError):
        return FileError(f"{model}: {sentence_of(error)}")
    kind = type(error).__name__
    if isinstance(error, Exception):
        return ExtractionError(terminal(f"model {model!r} failed: {kind}: {said(error)}"))
    return ExtractionError(
        f"model {model!r} raised {kind}, which would have ended its check, or the run, unjudged."
    )
