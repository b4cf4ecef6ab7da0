"""A worker's pipes, on which nobody is waited for longer than was said beforehand."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

from pytest_matalign.environments.transport import BrokenOffError, ProtocolError

if TYPE_CHECKING:
    from typing import IO

GREETING_S = 180.0
"""For Python and NumPy to be imported, from a slow disk if need be."""
READING_S = 1800.0
"""For weights to be read, and for what is installed to be looked through."""
STALL_S = 20.0
"""For the next bytes of a message that has begun."""
_CHUNK = 2**20


class SilentError(ProtocolError):
    """The worker said nothing for as long as it had."""


class PatientPipes:
    """The two pipes of a worker as one stream; where they cannot be waited on, without a limit."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._in, self._out = incoming.fileno(), outgoing.fileno()
        self._until = self.limit = 0.0
        self._limited = os.name == "posix"  # Windows cannot wait on pipes
        if self._limited:
            os.set_blocking(self._out, False)

    def wait_at_most(self, seconds: float) -> None:
        """Start the clock for one question and its answer."""
        self.limit, self._until = seconds, time.monotonic() + seconds

    def read(self, size: int) -> bytes:
        """Return so many bytes, or fewer where the pipe was closed.

        Raises:
            SilentError: If they do not come in time.
        """
        found = bytearray()
        while len(found) < size:
            self._wait(reading=True, stalling=bool(found))
            part = os.read(self._in, min(size - len(found), _CHUNK))
            if not part:
                break
            found += part
        return bytes(found)

    def write(self, content: bytes) -> int:
        """Send all bytes.

        Raises:
            SilentError: If nobody takes them in time.
            OSError: If nobody ever will.
        """
        left = memoryview(content)
        while left:
            self._wait(reading=False, stalling=False)
            left = left[os.write(self._out, left[:_CHUNK]) :]
        return len(content)

    def flush(self) -> None:
        """Nothing is held back."""

    def _wait(self, *, reading: bool, stalling: bool) -> None:
        if not self._limited:
            return
        left = self._until - time.monotonic()
        seconds = max(0.0, min(left, STALL_S) if stalling else left)
        wanted = ([self._in], []) if reading else ([], [self._out])
        if not any(select.select(*wanted, [], seconds)):
            if stalling and left > STALL_S:
                raise BrokenOffError("The pipe fell silent inside a frame.")
            raise SilentError(f"There was no answer within {self.limit:.0f} s.")
