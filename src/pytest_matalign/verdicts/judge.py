"""Hold a measured alignment against what its suite expects of it.

An expectation fails only when the whole interval is on the wrong side of the bound, passes when
the whole interval is on the right side, and is undecided in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.scorecard.model import ExpectationOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_matalign.suites import Expectation
    from pytest_matalign.verdicts.verdict import Verdict


def apply(expectation: Expectation, *, low: float, high: float) -> ExpectationOutcome:
    """Outcome of one expectation for an interval [low, high] of the metric's value."""
    if expectation.at_least is not None:
        limit = expectation.at_least
        verdict: Verdict = "passed" if low >= limit else "failed" if high < limit else "undecided"
        return _outcome(expectation, "at_least", limit, verdict)
    assert expectation.at_most is not None, "the suite schema demands one of the two bounds"
    limit = expectation.at_most
    verdict = "passed" if high <= limit else "failed" if low > limit else "undecided"
    return _outcome(expectation, "at_most", limit, verdict)


def combine(outcomes: Iterable[ExpectationOutcome]) -> Verdict:
    """Verdict of a case from its expectations: the worst one; `no-baseline` without any."""
    verdicts = {outcome.verdict for outcome in outcomes}
    worst_first: Sequence[Verdict] = ("failed", "undecided", "passed")
    return next((verdict for verdict in worst_first if verdict in verdicts), "no-baseline")


def explain(
    outcomes: Iterable[ExpectationOutcome],
    *,
    value: float,
    low: float,
    high: float,
    metric: str,
    n: int,
) -> str:
    """One sentence for every expectation that did not pass."""
    words = {"at_least": "at least", "at_most": "at most"}
    measured = f"{metric} = {value:.3f} [{low:.3f}, {high:.3f}] at n = {n}"
    return " ".join(
        f"{measured}, expected {words[outcome.bound]} {outcome.limit:.3f} "
        f"({outcome.id}: {outcome.source})."
        for outcome in outcomes
        if outcome.verdict != "passed"
    )


def _outcome(
    expectation: Expectation, bound: str, limit: float, verdict: Verdict
) -> ExpectationOutcome:
    return ExpectationOutcome(
        id=expectation.id,
        bound="at_least" if bound == "at_least" else "at_most",
        limit=limit,
        source=expectation.source,
        tooltip=expectation.tooltip,
        verdict=verdict,
    )
