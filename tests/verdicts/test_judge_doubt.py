"""What is said of an expectation that the data cannot decide."""

from __future__ import annotations

import pytest

from pytest_matalign.suites.schema import Expectation
from pytest_matalign.verdicts import expectations as judge

FLOOR = Expectation(id="floor", metric="cknna", at_least=0.5, source="chosen")


def explained(low: float, high: float) -> str:
    outcome = judge.apply(FLOOR, low=low, high=high)
    value = (low + high) / 2
    return judge.explain([outcome], value=value, low=low, high=high, metric="cknna", n=100)


def test_doubt_says_how_many_samples_would_decide() -> None:
    """Half-width 0.1 at 100 samples must shrink to the margin of 0.05: four times as many."""
    assert explained(0.35, 0.55).endswith("(floor: chosen); about 400 samples would decide.")


def test_a_value_on_the_bound_is_never_decided() -> None:
    """No interval of any width excludes it."""
    assert "no number of samples decides" in explained(0.4, 0.6)


def test_a_failure_needs_no_more_samples() -> None:
    """It is decided."""
    assert explained(0.1, 0.3).endswith("(floor: chosen).")


def test_a_failure_among_many_is_doubt_if_it_does_not_survive_adjustment() -> None:
    """And never a pass."""
    outcome = judge.apply(FLOOR, low=0.3, high=0.49)
    assert outcome.verdict == "failed"
    assert judge.adjusted(outcome, 0.02).verdict == "failed"
    assert judge.adjusted(outcome, 0.2).verdict == "undecided"


def test_the_level_is_that_of_the_interval() -> None:
    """A bound just outside a 95 % interval has a one-sided p of 2.5 %."""
    outcome = judge.apply(FLOOR, low=0.3, high=0.5 - 1e-9)
    assert outcome.p_value == pytest.approx(judge.LEVEL)


def test_a_failed_expectation_outweighs_the_baseline() -> None:
    """And where nothing is expected, the baseline has the word; without either, no baseline."""
    failed = judge.apply(FLOOR, low=0.1, high=0.2)
    assert judge.combine([failed]) == "failed"
    assert judge.combine([]) == "no-baseline"
