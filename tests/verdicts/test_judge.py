"""An interval decides, and says so when it cannot."""

from __future__ import annotations

import pytest

from pytest_matalign.suites.schema import Expectation
from pytest_matalign.verdicts.expectations import apply, combine, explain

FLOOR = Expectation(id="floor", metric="cknna", at_least=0.5, source="chosen")
CEILING = Expectation(id="ceiling", metric="cknna", at_most=0.5, source="chosen")


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
    assert apply(expectation, low=low, high=high).verdict == verdict


def test_the_worst_expectation_wins_and_none_is_no_baseline() -> None:
    """A case that fails one expectation fails."""
    outcomes = [apply(FLOOR, low=0.6, high=0.7), apply(CEILING, low=0.6, high=0.7)]
    assert combine(outcomes) == "failed"
    assert combine(outcomes[:1]) == "passed"
    assert combine([]) == "no-baseline"


def test_the_reason_holds_value_interval_bound_and_source() -> None:
    """Everything a person needs, in one sentence; nothing for what passed."""
    outcomes = [apply(FLOOR, low=0.3, high=0.4), apply(CEILING, low=0.3, high=0.4)]
    text = explain(outcomes, value=0.35, low=0.3, high=0.4, metric="cknna", n=500)
    assert text == (
        "cknna = 0.350 [0.300, 0.400] at n = 500, expected at least 0.500 (floor: chosen)."
    )
