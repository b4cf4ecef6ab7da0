"""Workers as the host sees them: started on demand, kept for the next split, ended at exit."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from pytest_matalign.cache import cache_root
from pytest_matalign.environments import protocol
from pytest_matalign.environments.patience import (
    GREETING_S,
    READING_S,
    PatientPipes,
    SilentError,
)
from pytest_matalign.environments.protocol import Bye, Failed, Hello, asked_for
from pytest_matalign.environments.transport import BrokenOffError, ProtocolError
from pytest_matalign.errors import (
    ConfigurationError,
    ExtractionError,
    MatalignError,
    UnavailableError,
)
from pytest_matalign.escaping import terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_matalign.environments.folders import Place
    from pytest_matalign.environments.protocol import AnyReply, Loaded, Request
    from pytest_matalign.zoo.card import ModelCard

_Reply = TypeVar("_Reply", bound=protocol.Reply)
MOST_WORKERS = 2
"""Live workers a process keeps; each may hold a model and a copy of torch in memory."""
_PATIENCE_S = 5.0
_NONSENSE_S = 2.0
_DYING_S = 15.0
"""A large process takes a while to be taken down after its pipe has closed."""
_LAST_LINES = 8
_LAST_BYTES = 8192
_OURS: Mapping[str, type[MatalignError]] = {
    "ConfigurationError": ConfigurationError,
    "ExtractionError": ExtractionError,
    "UnavailableError": UnavailableError,
}


class WorkerDiedError(MatalignError):
    """A worker ended before it answered."""


class WorkerSilentError(WorkerDiedError):
    """A worker did not answer in time and was ended."""


class OutOfMemoryInWorkerError(MatalignError):
    """A worker ran out of memory and lives on."""


class ModelFailedError(MatalignError):
    """The model's own code raised in the worker; the cause holds the traceback from there."""


class WorkerConfusedError(MatalignError):
    """A worker answered something else than what it was asked."""


class WorkerTraceback(Exception):  # noqa: N818  it stands for another exception, of any name
    """What a worker's traceback said."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class Worker:
    """One subprocess with the Python of an environment.

    Raises:
        UnavailableError: If it cannot be started.
        ConfigurationError: If it speaks another version of the protocol.
    """

    def __init__(self, environment: Place) -> None:
        self.environment = environment
        self.holds: tuple[ModelCard, Loaded] | None = None
        """What is loaded in it and what it said then; told by whoever loads."""
        self._words = ""
        self._asked = 0
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed by `end` and `kill`
        script = str(_bootstrap())
        try:
            self._process = subprocess.Popen(  # noqa: S603  the environment's own interpreter
                [str(environment.python), *environment.flags, "-X", "utf8", script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env={**_variables(), **environment.variables},
                # Ctrl-C in a terminal must not reach it: libraries that take SIGINT over would
                # cut their work short, and what to do about it is the host's to decide.
                start_new_session=True,
            )
        except OSError as error:
            self._stderr.close()
            name = environment.name
            raise UnavailableError(
                f"The environment {name} cannot be started ({error.strerror}: "
                f"{environment.python}); run `matalign env remove {name}` and "
                f"`matalign env create {name}`."
            ) from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._pipes = PatientPipes(self._process.stdout, self._process.stdin)
        self._pipes.wait_at_most(GREETING_S)
        try:
            self.python = self._greeted()
        except BaseException:
            self.kill()
            raise

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, request: Request, wanted: type[_Reply], *, seconds: float = READING_S) -> _Reply:
        """Send a request and wait for its answer; an interrupt ends the worker.

        Args:
            request: Numbered here.
            wanted: What answers it.
            seconds: How long it is waited for.

        Raises:
            WorkerSilentError: If it does not answer in time; it is ended.
            WorkerDiedError: If it ends instead of answering.
            WorkerConfusedError: If it answers another request; it is ended.
            OutOfMemoryInWorkerError: If memory ran out and it lives on.
            ModelFailedError: If a model's code raised.
            MatalignError: Whatever this package raised on purpose in the worker.
        """
        self._asked += 1
        self._pipes.wait_at_most(seconds)
        request = msgspec.structs.replace(request, number=self._asked)
        try:
            protocol.write(self._pipes, request)
            reply = self._read()
        except (ProtocolError, OSError) as error:
            raise self._death(error) from error
        except BaseException:
            self.kill()
            raise
        if (reply.number, reply.ids) != (request.number, asked_for(request)):
            self.kill()
            raise WorkerConfusedError(
                f"answered request {reply.number} where {request.number} was asked, or other "
                "samples than were asked for, so that its rows cannot be told apart, and was ended"
            )
        if isinstance(reply, Failed):
            raise _raised(reply)
        if not isinstance(reply, wanted):
            self.kill()
            raise WorkerConfusedError(f"answered with {type(reply).__name__} and was ended")
        return reply

    def end(self) -> None:
        """Ask it to end, and see that it does."""
        if self.alive:
            self._pipes.wait_at_most(_PATIENCE_S)
            with suppress(OSError, ProtocolError, subprocess.TimeoutExpired):
                protocol.write(self._pipes, Bye())
                self._process.wait(_PATIENCE_S)
        self.kill()

    def kill(self) -> None:
        """End it at once and close its pipes; its last words remain to be read."""
        if self.alive:
            self._process.kill()
        self._process.wait()
        self._hear()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            # What is still buffered has no reader.
            with suppress(BrokenPipeError):
                stream.close()
        self._stderr.close()

    def _greeted(self) -> str:
        hello = self._read_or_death()
        if not isinstance(hello, Hello) or hello.protocol != protocol.PROTOCOL:
            raise ConfigurationError(
                f"The worker of the environment {self.environment.name} speaks version "
                f"{getattr(hello, 'protocol', None)} of the protocol, this process version "
                f"{protocol.PROTOCOL}: pytest-matalign changed while it ran; start it again."
            )
        return hello.python

    def _read_or_death(self) -> AnyReply:
        try:
            return self._read()
        except ProtocolError as error:
            raise self._death(error) from error

    def _read(self) -> AnyReply:
        reply = protocol.read_reply(self._pipes)
        if reply is None:
            raise BrokenOffError("The pipe was closed.")
        return reply

    def _death(self, error: Exception) -> WorkerDiedError:
        """How it ended, once it has; one that talks nonsense or not at all is ended here."""
        if isinstance(error, SilentError):
            self.kill()
            return WorkerSilentError(
                f"gave no whole answer in the {self._pipes.limit:.0f} s it had and was ended"
            )
        try:
            closed = isinstance(error, BrokenOffError | OSError)
            self._process.wait(_DYING_S if closed else _NONSENSE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return WorkerDiedError("sent something that is not an answer and was ended")
        self.kill()
        words = f"; its last words: {self._words}" if self._words else ", without a word"
        return WorkerDiedError(f"{_exit_of(self._process.returncode)}{words}")

    def _hear(self) -> None:
        """Keep the last lines of its stderr."""
        if self._stderr.closed:
            return
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - _LAST_BYTES))
        lines = self._stderr.read().decode(errors="replace").splitlines()
        spoken = [terminal(line.strip()) for line in lines if line.strip()]
        self._words = " | ".join(spoken[-_LAST_LINES:])


def _exit_of(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = ", as happens where memory runs out" if -code == signal.SIGKILL else ""
    return f"was ended by {name}{hint}"


def _raised(reply: Failed) -> MatalignError:
    """What to raise in the host for what a worker answered instead of a result."""
    if reply.error in _OURS:
        return _OURS[reply.error](terminal(reply.sentence))
    kind = OutOfMemoryInWorkerError if reply.memory else ModelFailedError
    error = kind(terminal(f"{reply.error}: {reply.sentence}"))
    error.__cause__ = WorkerTraceback(reply.traceback)
    return error


def _variables() -> dict[str, str]:
    """The host's variables, with the folders this process has settled on."""
    return {**os.environ, "MATALIGN_CACHE": str(cache_root())}


def _bootstrap() -> Path:
    return Path(__file__).absolute().with_name("bootstrap.py")


_live: dict[Path, Worker] = {}
"""Workers of this process by their environment's folder, the one asked last at the end."""
_owner: list[int] = []
"""The process they belong to; a fork inherits the pipes and must not use them."""


def worker_of(environment: Place) -> Worker:
    """The live worker of an environment, started if there is none."""
    if _owner != [os.getpid()]:
        _live.clear()
        _owner[:] = [os.getpid()]
        atexit.register(end_workers)
    worker = _live.pop(environment.folder, None)
    if worker is None or not worker.alive:
        while len(_live) >= MOST_WORKERS:
            _live.pop(next(iter(_live))).end()
        worker = Worker(environment)
    _live[environment.folder] = worker
    return worker


def end_workers() -> None:
    """End every worker of this process."""
    if _owner == [os.getpid()]:
        while _live:
            _live.popitem()[1].end()
