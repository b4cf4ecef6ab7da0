"""Tell how long work is getting on: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from multiprocessing import parent_process
from typing import Self

from tqdm import tqdm  # type: ignore[import-untyped]  # it ships no types

from pytest_matalign.escaping import terminal

PLAIN_S = 10.0
"""How often a line is written where the last one cannot be overwritten."""
FORM = "{desc}: {n_fmt}/{total_fmt}{unit}, {rate_fmt}, {remaining} left"


class Line:
    """Progress of one piece of work, on stderr."""

    def __init__(self, label: str, *, unit: str = " samples") -> None:
        self._label, self._unit = label, unit
        self._started = self._last = time.monotonic()
        self._first: int | None = None
        self._bar: tqdm | None = None

    def __call__(self, *, done: int, total: int) -> None:
        """`done` of `total` units are done; what was done at the first call took no time."""
        if self._first is None:
            self._first = done
            # Several processes would overwrite each other's live lines.
            if sys.stderr.isatty() and parent_process() is None:
                self._bar = tqdm(
                    total=total,
                    initial=done,
                    desc=self._label,
                    unit=self._unit,
                    bar_format=FORM,
                    leave=False,
                    dynamic_ncols=True,
                )
        if self._bar is not None:
            self._bar.update(done - self._bar.n)
        elif time.monotonic() - self._last >= PLAIN_S:
            self._last = time.monotonic()
            self._plain(done, total, first=self._first)

    def close(self) -> None:
        """Clear the live line; to be called after an error too."""
        if self._bar is not None:
            self._bar.close()

    def _plain(self, done: int, total: int, *, first: int) -> None:
        text = tqdm.format_meter(
            done,
            total,
            time.monotonic() - self._started,
            prefix=self._label,
            unit=self._unit,
            bar_format=FORM,
            initial=first,
        )
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


class Silent:
    """Progress that nobody asked to see, or that somebody else tells of."""

    def __call__(self, *, done: int, total: int) -> None:
        """`done` of `total` units are done."""

    def close(self) -> None:
        """There is no line."""


class PassLines:
    """Progress of work in several passes, each with a line of its own; a context manager."""

    def __init__(self) -> None:
        self._name = ""
        self._line: Line | None = None

    def __call__(self, name: str, done: int, total: int) -> None:
        """`done` of `total` parts of the pass `name` are done."""
        if self._line is None or name != self._name:
            self.close()
            self._name, self._line = name, Line(name, unit="")
        self._line(done=done, total=total)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Clear the live line."""
        if self._line is not None:
            self._line.close()
            self._line = None


def embedding_line(*, model: str, split: str) -> Line:
    """Return the progress of one model on one split."""
    return Line(f"{model} on {split}")


def say(what: str) -> None:
    """Write one line with the time of day, above a live line if there is one."""
    tqdm.write(f"{time.strftime('%H:%M:%S')} {terminal(what)}", file=sys.stderr)
