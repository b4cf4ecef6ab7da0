"""Code of a model that would end the process, and with it a run that then says nothing."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_matalign.errors import ExtractionError

if TYPE_CHECKING:
    from collections.abc import Iterator

_WAYS = ("_exit", "execv", "execve")
"""Functions of `os` that end a process with a status of their own choice, without a word."""


@contextmanager
def staying(model: str) -> Iterator[None]:
    """Turn `os._exit` and `os.exec*` of the block into an error of the model.

    A run that ended with status 0 in the middle would pass for one that judged something. Forks
    end as they like. What goes past Python's `os`, such as `_exit` of C, is not seen; who must
    reckon with that judges an `.npz`, which runs no code.

    Raises:
        ExtractionError: If the block called one of them in the main thread. In another thread,
            where an error would be lost, the process ends with status 1.
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
    finally:
        for name, function in known.items():
            setattr(os, name, function)
