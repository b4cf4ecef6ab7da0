"""Passed, failed, or undecided: where the interval lies of what a bound speaks about."""

from __future__ import annotations

import pytest

from pytest_matalign.suites.schema import Expectation, Measured
from pytest_matalign.verdicts.expectations import (
    bound_speaks,
    combined_verdict,
    explain_bounds,
    judge_bound,
)
from pytest_matalign.verdicts.records import BaselineOutcome, ExpectationOutcome

FLOOR = Expectation(id="floor", metric="cknna", at_least=0.5, source="chosen")
CEILING = Expectation(id="ceiling", metric="cknna", at_most=0.5, source="chosen")


def judged(expectation: Expectation, low: float, high: float) -> ExpectationOutcome:
    return judge_bound(expectation, quantity="cknna", value=(low + high) / 2, low=low, high=high)


@pytest.mark.parametrize(
    ("expectation", "low", "high", "verdict"),
    [
        (FLOOR, 0.5, 0.6, "passed"),
        (FLOOR, 0.4, 0.6, "undecided"),
        (FLOOR, 0.3, 0.49, "failed"),
        (CEILING, 0.4, 0.5, "passed"),
        (CEILING, 0.4, 0.6, "undecided"),
        (CEILING, 0.51, 0.6, "failed"),
    ],
)
def test_only_a_whole_interval_decides(
    expectation: Expectation, low: float, high: float, verdict: str
) -> None:
    """Failed and passed need every value of the interval; in between is undecided."""
    assert judged(expectation, low, high).verdict == verdict


def test_the_level_is_that_of_the_interval() -> None:
    """A bound just outside a 95 % interval has a one-sided p of 2.5 %."""
    assert judged(FLOOR, 0.3, 0.5 - 1e-9).p_value == pytest.approx(0.025)


@pytest.mark.parametrize(("n", "speaks"), [(500, True), (450, True), (449, False), (551, False)])
def test_a_bound_speaks_of_runs_within_a_tenth_of_its_own_size(n: int, *, speaks: bool) -> None:
    """Alignment at fixed k falls as n grows."""
    read_off = Measured(n=500, families=5)
    assert bound_speaks(read_off, n=n) == speaks
    assert bound_speaks(None, n=n)


def test_the_worst_expectation_wins() -> None:
    """A case that fails one expectation fails, whatever else it meets."""
    outcomes = [judged(FLOOR, 0.6, 0.7), judged(CEILING, 0.6, 0.7)]
    assert combined_verdict(outcomes) == "failed"
    assert combined_verdict(outcomes[:1]) == "passed"


@pytest.mark.parametrize(
    ("expectation", "baseline", "verdict"),
    [
        (judged(FLOOR, 0.1, 0.2), "regressed", "failed"),
        (judged(FLOOR, 0.4, 0.6), "regressed", "regressed"),
        (judged(FLOOR, 0.4, 0.6), "unchanged", "undecided"),
        (judged(FLOOR, 0.6, 0.7), "unchanged", "passed"),
        (None, "unchanged", "unchanged"),
        (None, None, "no-baseline"),
    ],
)
def test_expectation_and_baseline_are_weighed(
    expectation: ExpectationOutcome | None, baseline: str | None, verdict: str
) -> None:
    """Failure, then regression, then doubt; neither is an outcome and not an error."""
    outcomes = [] if expectation is None else [expectation]
    earlier = None
    if baseline is not None:
        earlier = BaselineOutcome(verdict=baseline, tolerance=0.02)  # type: ignore[arg-type]
    assert combined_verdict(outcomes, earlier) == verdict


def test_the_reason_holds_value_interval_bound_and_source() -> None:
    """Everything a person needs, in one sentence; nothing for what passed."""
    outcomes = [judged(FLOOR, 0.3, 0.4), judged(CEILING, 0.3, 0.4)]
    assert explain_bounds(outcomes, n=500) == (
        "cknna = 0.350 [0.300, 0.400] at n = 500, expected at least 0.500 (floor: chosen)."
    )


def explained(low: float, high: float) -> str:
    return explain_bounds([judged(FLOOR, low, high)], n=100)


def test_doubt_says_how_many_samples_would_decide() -> None:
    """2.8 standard errors, 0.143 at 100 samples, must shrink to the margin of 0.05."""
    assert explained(0.35, 0.55).endswith(
        "(floor: chosen); about 818 samples would decide with a chance of 80 %."
    )


def test_a_value_on_the_bound_is_never_decided() -> None:
    """No interval of any width excludes it."""
    assert "no number of samples decides" in explained(0.4, 0.6)


def test_a_failure_needs_no_more_samples() -> None:
    """It is decided."""
    assert explained(0.1, 0.3).endswith("(floor: chosen).")
