"""Where pieces of work are done: in this process, in others of this machine, or on a cluster.

A piece is a function of a module and what names its work: paths, ids and numbers, never arrays.
Results come in the order of the pieces, wherever and in whatever order they were made, so sums
over them are the same bits everywhere. A piece whose worker dies is done again by another one.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Protocol

from pytest_matalign.errors import ConfigurationError, MatalignError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Piece = tuple[Callable[..., Any], tuple[Any, ...]]

DEATHS = 3
"""Workers that may die over one piece before the run is given up."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
FORMS = "local:N, scheduler-file:PATH or tcp://HOST:PORT"


class ExecutorError(MatalignError):
    """Workers died over one piece of work again and again."""


class Executor(Protocol):
    """Does pieces of work."""

    workers: int
    """How many are done at once."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Hand in one piece; returns what stands for its result."""
        ...

    def gather(self, pieces: Sequence[Any]) -> Iterator[Any]:
        """Yield the results of pieces handed in, in this order.

        Raises:
            MatalignError: As the piece; or its workers died.
        """
        ...

    def close(self) -> None:
        """Let workers go that were started here."""
        ...


class Here:
    """This process, one piece after the other, each when its result is asked for."""

    workers = 1

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Piece:
        """Hand in one piece."""
        return function, arguments

    def gather(self, pieces: Sequence[Piece]) -> Iterator[Any]:
        """Yield results in order."""
        for function, arguments in pieces:
            yield function(*arguments)

    def close(self) -> None:
        """Nothing was started."""


class Processes:
    """Other processes of this machine, their linear algebra on one thread each."""

    def __init__(self, count: int) -> None:
        self.workers = count
        self._futures: dict[int, Future[Any]] = {}
        self._pieces: list[Piece] = []
        self._pool = self._started()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> int:
        """Hand in one piece."""
        self._pieces.append((function, arguments))
        number = len(self._pieces) - 1
        self._hand_in(number)
        return number

    def gather(self, pieces: Sequence[int]) -> Iterator[Any]:
        """Yield results in order."""
        for number in pieces:
            yield self._result(number)
            del self._futures[number]

    def close(self) -> None:
        """End the processes; what nobody waits for is not begun."""
        self._pool.shutdown(cancel_futures=True)

    def _result(self, number: int) -> Any:
        for _ in range(DEATHS):
            try:
                return self._futures[number].result()
            except BrokenProcessPool:
                self._begin_again()
        raise ExecutorError(
            f"{DEATHS} processes in a row died over one piece of work "
            f"({_name(self._pieces[number][0])}); the machine may be short of memory: ask for "
            "fewer with `--cluster local:N`."
        )

    def _begin_again(self) -> None:
        """Hand in to new processes what the broken pool had not done."""
        self._pool.shutdown(cancel_futures=True)
        self._pool = self._started()
        for number, future in self._futures.items():
            broken = future.done() and not future.cancelled() and future.exception()
            if not future.done() or isinstance(broken, BrokenProcessPool):
                self._hand_in(number)

    def _hand_in(self, number: int) -> None:
        function, arguments = self._pieces[number]
        with _one_thread_each():
            self._futures[number] = self._pool.submit(function, *arguments)

    def _started(self) -> ProcessPoolExecutor:
        # A forked child would inherit torch's threads in an unusable state.
        return ProcessPoolExecutor(self.workers, mp_context=get_context("spawn"))


class Cluster:
    """Workers of Dask `distributed`, started by somebody else."""

    def __init__(self, **where: str) -> None:
        """Connect to a scheduler.

        Args:
            where: `address` or `scheduler_file`.

        Raises:
            UnavailableError: `distributed` is not installed, or there is no scheduler.
        """
        try:
            from distributed import Client
        except ImportError:
            raise UnavailableError(
                "Clusters are reached by Dask, which is not installed; "
                "pip install 'pytest-matalign[cluster]'."
            ) from None
        client: Any = Client
        told = " ".join(where.values())
        try:
            self._client = client(**where, timeout=20, set_as_default=False)
            self._client.wait_for_workers(1, timeout=60)
        except (OSError, TimeoutError, ValueError) as error:
            raise UnavailableError(
                f"There is no Dask scheduler with workers at {told}: {error}. Start one with "
                "`dask scheduler` and `dask worker`, and name it with --cluster."
            ) from None
        self.dashboard = str(self._client.dashboard_link)
        self.workers = sum(self._client.nthreads().values())

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Hand in one piece; the same piece twice is two pieces."""
        return self._client.submit(function, *arguments, pure=False)

    def gather(self, pieces: Sequence[Any]) -> Iterator[Any]:
        """Yield results in order."""
        from distributed.scheduler import KilledWorker

        for piece in pieces:
            try:
                yield piece.result()
            except KilledWorker as error:
                raise ExecutorError(f"workers of the cluster died: {error}") from None
            piece.release()

    def close(self) -> None:
        """Leave the cluster as it is."""
        self._client.close()


def executor_of(text: str | None) -> Executor:
    """Return what `--cluster` names; None is this process.

    Raises:
        ConfigurationError: It is none of the forms.
        UnavailableError: As `Cluster`.
    """
    if text is None:
        return Here()
    kind, _, rest = text.partition(":")
    if kind == "local" and rest.isdecimal() and int(rest) > 0:
        return Here() if int(rest) == 1 else Processes(int(rest))
    if kind == "scheduler-file" and rest:
        return Cluster(scheduler_file=rest)
    if kind in {"tcp", "tls"} and rest.startswith("//"):
        return Cluster(address=text)
    raise ConfigurationError(f"There is no cluster {text!r}; write {FORMS}.")


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(getattr(function, "func", function), "__name__", function))


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Hold the linear algebra of processes started meanwhile to one thread; they share the cores.

    Numerical libraries read these variables when a process starts.
    """
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
