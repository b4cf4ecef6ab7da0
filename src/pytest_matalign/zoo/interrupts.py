"""Ctrl-C where a library leaves its own handler of SIGINT in the place of Python's.

RDKit does so for every substructure search and every conformer. What is pressed while that handler
is in place is lost to Python, and the search it cuts short returns some of its matches as if they
were all.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SIGACTION_BYTES = 256
"""More than `struct sigaction` has on any system; the handler is its first field."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Put back the process's handler of SIGINT after the block, and pass on a Ctrl-C it swallowed.

    The block should be as short as can be, one call of the library. Of several searches inside
    one call, such as the hundred of `MolLogP`, only an interrupt of the last is seen: models of the
    zoo that make them run in a process of their own (`APART` of their adapter), a host's own code
    is interrupted at the next call. Does nothing outside the main thread, which alone may set
    handlers.

    Raises:
        KeyboardInterrupt: If the library's handler took the interrupt; what the block computed
            is not to be used.
    """
    handler = signal.getsignal(signal.SIGINT)
    if handler is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = _address()
    try:
        yield
    finally:
        after = _address()
        if after != before:
            signal.signal(signal.SIGINT, handler)
    # A library's handler that has run once is replaced by the system's default, as `signal(3)`
    # of System V has it; one that has not run is still there.
    if before and not after:
        raise KeyboardInterrupt


def _address() -> int:
    """Address of the handler of SIGINT; 0 for the system's default, and where it is not known."""
    sigaction = _sigaction()
    if sigaction is None:
        return 0
    action = ctypes.create_string_buffer(_SIGACTION_BYTES)
    sigaction(signal.SIGINT, None, action)
    return ctypes.c_size_t.from_buffer(action).value


@cache
def _sigaction() -> Callable[..., int] | None:
    return ctypes.CDLL(None).sigaction if os.name == "posix" else None
