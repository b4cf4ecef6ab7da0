"""Tell how embedding is getting on: a live line on a terminal, a plain one now and then elsewhere.

Only the process that talks to the user writes. Workers of xdist append what they do to a file of
their own in a folder that this process makes, hands to them and removes; it reads the last line of
each. Nothing is written for a run that finds every embedding in the store.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from shutil import get_terminal_size
from tempfile import TemporaryDirectory
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, NamedTuple, TextIO

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    from xdist.workermanage import WorkerController

    Samples = Callable[[Iterable[str]], Mapping[str, int]]

FOLDER = "matalign_progress"
"""Key of `workerinput` under which a worker finds the folder to write to."""
LIVE_S, PLAIN_S = 0.3, 20.0
"""How often the line is written on a terminal, and elsewhere."""


class Working(NamedTuple):
    """One model that is being run on one split."""

    done: int
    total: int
    model: str
    split: str

    def __str__(self) -> str:
        """As it is shown."""
        return f"{self.model} on {self.split} {self.done}/{self.total}"


class Board:
    """What is known of the embeddings of a run, and the line that says it."""

    def __init__(self) -> None:
        self._expected: Mapping[str, int] = {}
        self._finished: set[str] = set()
        self._working: dict[str, Working] = {}
        self._computed = 0
        self._started: float | None = None

    def expect(self, samples: Mapping[str, int]) -> None:
        """Take the number of samples of every check that embeds, by node id."""
        self._expected = samples

    def finish(self, node_id: str) -> None:
        """Note that a check is done."""
        if node_id in self._expected:
            self._finished.add(node_id)

    def note(self, who: str, working: Working | None) -> None:
        """Take what a process is doing; None if it embeds nothing just now."""
        before = self._working.pop(who, None)
        if working is None:
            return
        self._started = self._started or time.monotonic()
        self._working[who] = working
        # What was done when a model was first heard of may have come from the store.
        if before is not None and before[1:] == working[1:]:
            self._computed += working.done - before.done

    @property
    def busy(self) -> bool:
        """Whether any model was run so far."""
        return self._started is not None

    @property
    def complete(self) -> bool:
        """Whether every check that embeds is done."""
        return len(self._finished) == len(self._expected)

    def line(self) -> str:
        """Return how many embeddings there are, how fast it goes, and how long it may take."""
        from tqdm import tqdm  # type: ignore[import-untyped]  # it ships no types

        elapsed = time.monotonic() - (self._started or time.monotonic())
        rate = self._computed / elapsed if elapsed else 0.0
        finished = sum(self._expected[one] for one in self._finished)
        done = finished + sum(one.done for one in self._working.values())
        left = max(0, sum(self._expected.values()) - done)
        text = f"matalign: {len(self._finished)} of {len(self._expected)} embeddings"
        if rate:
            text += f", {rate:.3g} samples/s, about {tqdm.format_interval(left / rate)} left"
        working = "; ".join(str(one) for _, one in sorted(self._working.items()))
        return f"{text}: {working}" if working else text


class Screen:
    """Where the line is written: the user's own output, not what pytest captures of a test."""

    def __init__(self, file: TextIO, *, live: bool) -> None:
        self.live = live
        self._file = file
        self._shown = False

    def show(self, text: str) -> None:
        """Write the line; on a terminal below the cursor, which stays where pytest left it."""
        if self.live:
            # Down without a change of column, which makes room at the bottom, and up again; then
            # the line is written between saving the cursor and restoring it.
            text = text[: get_terminal_size().columns - 1]
            self._write(f"\x1bD\x1b[A\x1b7\x1b[B\r{text}\x1b[K\x1b8")
        else:
            self._write(f"\n{text}\n")
        self._shown = True

    def clear(self) -> None:
        """Take the line off a terminal."""
        if self.live and self._shown:
            self._write("\x1b7\x1b[B\r\x1b[K\x1b8")
        self._shown = False

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()


class Teller:
    """Hooks of the process that talks to the user."""

    def __init__(self, samples: Samples, file: TextIO, *, live: bool) -> None:
        self.board = Board()
        self._samples = samples
        self._screen = Screen(file, live=live)
        self._folder = TemporaryDirectory(prefix="matalign-progress-")
        self._lock, self._ended = Lock(), Event()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker of xdist where to write."""
        node.workerinput[FOLDER] = self._folder.name

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: WorkerController) -> None:
        """Forget what a worker was doing that ended, or was killed."""
        who = node.workerinput["workerid"]
        (Path(self._folder.name) / who).unlink(missing_ok=True)
        self.board.note(who, None)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Take the checks that the workers found."""
        self.board.expect(self._samples(ids))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take the checks that were found here."""
        self.board.expect(self._samples(item.nodeid for item in session.items))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Write the line while the checks run."""
        thread = Thread(target=self._tell, name="matalign-progress", daemon=True)
        thread.start()
        try:
            return (yield)
        finally:
            self._ended.set()
            thread.join()
            self._read()
            with self._lock:
                self._screen.clear()
                if self.board.busy and not self._screen.live:
                    self._screen.show(self.board.line())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self) -> Generator[None]:
        """Let pytest write."""
        with self._apart():
            yield

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logfinish(self) -> Generator[None]:
        """Let pytest write."""
        with self._apart():
            yield

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Let pytest write, and count the check."""
        if report.when == "teardown":
            self.board.finish(report.nodeid)
        with self._apart():
            yield

    def pytest_unconfigure(self) -> None:
        """Leave no file behind."""
        self._folder.cleanup()

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """Keep the line away while pytest writes."""
        with self._lock:
            self._screen.clear()
            yield

    def _tell(self) -> None:
        wait, next_ = LIVE_S, 0.0
        while not self._ended.wait(wait):
            self._read()
            if self.board.busy and not self.board.complete and time.monotonic() >= next_:
                next_ = time.monotonic() + (0.0 if self._screen.live else PLAIN_S)
                with self._lock:
                    self._screen.show(self.board.line())

    def _read(self) -> None:
        """Read what the workers wrote last; a line half written is left for the next time."""
        for path in sorted(Path(self._folder.name).iterdir()):
            whole = path.read_text("utf-8").rpartition("\n")[0]
            if whole:
                self.board.note(path.name, _parsed(whole.rpartition("\n")[2]))


class Line:
    """Progress of one model on one split, noted on the board of this process."""

    def __init__(self, board: Board, *, model: str, split: str) -> None:
        self._board, self._model, self._split = board, model, split

    def __call__(self, *, done: int, total: int) -> None:
        """`done` of `total` samples are embedded or refused."""
        self._board.note("here", Working(done, total, self._model, self._split))

    def close(self) -> None:
        """Nothing more comes."""
        self._board.note("here", None)


class WorkerLine:
    """The same in a worker of xdist, appended to its file."""

    def __init__(self, path: Path, *, model: str, split: str) -> None:
        self._path, self._model, self._split = path, model, split
        self._last = 0.0

    def __call__(self, *, done: int, total: int) -> None:
        """`done` of `total` samples are embedded or refused."""
        now = time.monotonic()
        if now - self._last >= LIVE_S:
            self._last = now
            self._append(f"{done}\t{total}\t{self._model}\t{self._split}\n")

    def close(self) -> None:
        """Nothing more comes."""
        self._append("-\n")

    def _append(self, text: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)


def _parsed(line: str) -> Working | None:
    if line == "-":
        return None
    done, total, model, split = line.split("\t")
    return Working(int(done), int(total), model, split)


def teller(config: pytest.Config, samples: Samples) -> Teller | None:
    """Return who tells; None in a quiet run and where there is no output of the user's own.

    Args:
        config: Of a process that is no worker.
        samples: Returns how many samples each of some checks embeds, by node id.
    """
    if not config.pluginmanager.has_plugin("terminal") or config.get_verbosity() < 0:
        return None
    try:
        # Taken now, while pytest captures nothing.
        file = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return None
    return Teller(samples, file, live=file.isatty() and os.environ.get("TERM") != "dumb")
