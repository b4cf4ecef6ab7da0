"""A worker's pipes, on which nobody is waited for longer than was said beforehand."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

from pytest_matalign.environments.transport import ProtocolError

if TYPE_CHECKING:
    from typing import IO

GREETING_S = 180.0
"""For Python and NumPy to be imported, from a slow disk if need be."""
READING_S = 1800.0
"""For weights to be read, and for what is installed to be looked through."""
STALL_S = 15.0
"""For the next bytes of a message that has begun."""
_CHUNK = 2**20


class SilentError(ProtocolError):
    """The worker said nothing for as long as it had."""


class PatientPipes:
    """The two pipes of a worker as one stream; where they cannot be waited on, without a limit."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._in, self._out = incoming.fileno(), outgoing.fileno()
        self._until = self.limit = 0.0
        self._begun = False
        self._limited = os.name == "posix"  # Windows cannot wait on pipes
        if self._limited:
            os.set_blocking(self._out, False)

    def wait_at_most(self, seconds: float) -> None:
        """Start the clock for one question and its answer."""
        self.limit, self._until, self._begun = seconds, time.monotonic() + seconds, False

    def read(self, size: int) -> bytes:
        """Return so many bytes, or fewer where the pipe was closed.

        Raises:
            SilentError: If they do not come in time.
        """
        found = bytearray()
        while len(found) < size:
            self._wait(reading=True)
            part = os.read(self._in, min(size - len(found), _CHUNK))
            if not part:
                break
            found += part
            self._begun = True
        return bytes(found)

    def write(self, content: bytes) -> int:
        """Send all bytes.

        Raises:
            SilentError: If nobody takes them in time.
            OSError: If nobody ever will.
        """
        left = memoryview(content)
        while left:
            self._wait(reading=False)
            left = left[os.write(self._out, left[:_CHUNK]) :]
        return len(content)

    def flush(self) -> None:
        """Nothing is held back."""

    def _wait(self, *, reading: bool) -> None:
        if not self._limited:
            return
        left = max(0.0, self._until - time.monotonic())
        seconds = min(left, STALL_S) if self._begun else left
        wanted = ([self._in], []) if reading else ([], [self._out])
        if not any(select.select(*wanted, [], seconds)):
            raise SilentError("There was no answer in time, or not all of it.")
