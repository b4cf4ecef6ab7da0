"""What trials tried and what went wrong, counted; the same for the short form and the full one."""

from __future__ import annotations

import resource
import time
from collections import Counter
from dataclasses import dataclass, field

KINDS = ("wrong values", "tracebacks", "hangs", "lost")


@dataclass
class Tally:
    """Of one kind of trial.

    Attributes:
        name: Of the trials.
        tried: How many faults were made.
        found: Failures by kind.
        cases: What each failure was, to be made again.
        peak_mb: Most memory a process of the trials had, where it was taken.
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

    def weigh(self) -> None:
        """Note the memory of this process and of those it waited for."""
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            self.peak_mb = max(self.peak_mb, resource.getrusage(who).ru_maxrss / 1024)

    def done(self) -> Tally:
        """Stop the clock."""
        self.seconds = time.monotonic() - self.started
        return self


def table(tallies: list[Tally]) -> str:
    """Markdown: one row per kind of trial."""
    head = ["trials", "tried", *KINDS, "most memory, MB", "minutes"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for one in tallies:
        cells = [
            one.name,
            f"{one.tried:,}",
            *(str(one.found[kind]) for kind in KINDS),
            f"{one.peak_mb:.0f}" if one.peak_mb else "",
            f"{one.seconds / 60:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
