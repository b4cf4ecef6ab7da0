"""What trials tried and what went wrong, counted; the same for the short form and the full one."""

from __future__ import annotations

import json
import os
import resource
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

KINDS = ("wrong values", "tracebacks", "hangs", "lost")


@dataclass
class Tally:
    """Of one kind of trial.

    Attributes:
        name: Of the trials.
        tried: How many faults were made.
        found: Failures by kind.
        cases: What each failure was, to be made again.
        peak_mb: Most memory a process of the trials had.
    """

    name: str
    tried: int = 0
    found: Counter[str] = field(default_factory=Counter)
    cases: list[str] = field(default_factory=list)
    peak_mb: float = 0.0
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def fail(self, kind: str, case: str) -> None:
        """Count a failure."""
        assert kind in KINDS
        self.found[kind] += 1
        self.cases.append(f"{self.name}: {kind}: {case}")

    def done(self) -> Tally:
        """Stop the clock; note the memory of this process and of those it waited for."""
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            self.peak_mb = max(self.peak_mb, resource.getrusage(who).ru_maxrss / 1024)
        self.seconds = time.monotonic() - self.started
        return self


def apart(work: Callable[[], Tally], *, limit_gb: float | None = None) -> Tally:
    """Do some work in a fork, so that its memory is its own, and limited.

    What it starts is weighed with it; a fork that is ended counts as a traceback.
    """
    out, into = os.pipe()
    number = os.fork()
    if number == 0:
        os.close(out)
        _answer(work, into, limit_gb)
    os.close(into)
    with os.fdopen(out, "rb") as stream:
        content = stream.read()
    _, status = os.waitpid(number, 0)
    if not content:
        tally = Tally("?")
        tally.fail("tracebacks", f"the process of the trials ended: status {status}")
        return tally
    return read(json.loads(content))


def _answer(work: Callable[[], Tally], into: int, limit_gb: float | None) -> NoReturn:
    """End the fork, whatever happens: one that went on would be a second pytest.

    Under xdist it would talk into the pipe of the first, whose controller then breaks off.
    """
    try:
        if limit_gb:
            # What asks for more fails there and does not take the machine with it.
            resource.setrlimit(resource.RLIMIT_DATA, (int(limit_gb * 2**30),) * 2)
        told = json.dumps(plain(work().done())).encode("utf-8", "replace")
        with os.fdopen(into, "wb") as stream:
            stream.write(told)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def plain(tally: Tally) -> dict[str, Any]:
    """What `read` makes a tally of; `asdict` of Python 3.11 spoils a counter."""
    return {**vars(tally), "found": dict(tally.found)}


def read(told: dict[str, Any]) -> Tally:
    """The tally of its JSON."""
    return Tally(**{**told, "found": Counter(told["found"])})
