"""Tell how an extraction is getting on: a live line on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

PLAIN_INTERVAL_S = 30.0
LIVE_INTERVAL_S = 0.2


class ExtractionProgress:
    """Progress of one model on one split, written through pytest's own reporter."""

    def __init__(self, config: pytest.Config, *, model: str, split: str) -> None:
        # Under xdist a worker has no terminal reporter, and -q asks for silence.
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        self._reporter = reporter if config.get_verbosity() >= 0 else None
        self._label = f"{model} on {split}"
        self._started = self._last = time.monotonic()
        self._first: int | None = None
        self._written = False

    def __call__(self, *, done: int, total: int) -> None:
        """Write a line if enough time has passed since the last."""
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if self._reporter is None:
            return
        live = bool(self._reporter.isatty)
        if now - self._last >= (LIVE_INTERVAL_S if live else PLAIN_INTERVAL_S):
            self._last = now
            line = f"matalign: {self._label}: {self._line(done, total, now)}"
            self._written = True
            if live:
                self._reporter.rewrite(line[: self._reporter._tw.fullwidth - 1], erase=True)
            else:
                self._reporter.write_line("")
                self._reporter.write_line(line)

    def close(self) -> None:
        """Clear the line."""
        if self._written and self._reporter is not None and self._reporter.isatty:
            self._reporter.rewrite("", erase=True)

    def _line(self, done: int, total: int, now: float) -> str:
        rate = (done - (self._first or 0)) / max(now - self._started, 1e-9)
        left = f"{(total - done) / rate:.0f} s left" if rate > 0 else "estimating"
        return f"{done}/{total} samples, {rate:.1f}/s, {left}"
