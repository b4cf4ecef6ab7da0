"""What the conformance tests found: values that print, compare and travel as JSON."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import msgspec

Outcome = Literal["passed", "failed", "measured", "not applicable"]


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One property of an adapter.

    `measured` says how far the embeddings moved, in units of the median distance between two
    different samples, unless `sentence` says otherwise. An outcome of "measured" passes no
    judgement: a string model is not expected to be indifferent to how a SMILES is written.
    """

    name: str
    outcome: Outcome
    sentence: str
    measured: float | None = None
    tolerance: float | None = None


class ConformanceReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every check of one adapter, in the order they were made."""

    model: str
    family: str
    samples: int
    """How many samples were embedded."""
    width: int | None
    checks: tuple[Check, ...]
    packages: dict[str, str] = {}
    """Versions of the packages on the card, where they are installed in this environment."""
    environment: str | None = None
    """Isolated environment that ran the model; None if it ran in this one."""

    @property
    def failures(self) -> tuple[Check, ...]:
        """Checks that failed."""
        return tuple(check for check in self.checks if check.outcome == "failed")

    @property
    def conforms(self) -> bool:
        """Whether no check failed."""
        return not self.failures

    def check(self, name: str) -> Check:
        """A check by its name.

        Raises:
            KeyError: If there is none of this name.
        """
        for one in self.checks:
            if one.name == name:
                return one
        raise KeyError(name)

    def text(self) -> str:
        """The report for a terminal, one line a check."""
        counts = Counter(check.outcome for check in self.checks)
        tally = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        verdict = "conforms" if self.conforms else "DOES NOT CONFORM"
        lines = [f"{self.model} {verdict}: {tally}; {self.samples} samples"]
        lines += [
            f"  {check.outcome:<14}  {check.name:<12}  {check.sentence}" for check in self.checks
        ]
        return "\n".join(lines)


def assert_conforms(report: ConformanceReport) -> None:
    """Fail a test, with every failed check named, if the adapter does not conform.

    Raises:
        AssertionError: If a check failed.
    """
    __tracebackhide__ = True  # pytest then shows the test that called, not this line
    if not report.conforms:
        lines = [f"{check.name}: {check.sentence}" for check in report.failures]
        raise AssertionError(f"{report.model} does not conform.\n" + "\n".join(lines))
