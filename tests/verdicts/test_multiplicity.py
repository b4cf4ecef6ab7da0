"""Many comparisons judged together: Benjamini-Hochberg against the published example."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from pytest_matalign.verdicts.multiplicity import judged_together
from pytest_matalign.verdicts.records import BaselineOutcome, ExpectationOutcome

PUBLISHED = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
    0.5719, 0.6528, 0.7590, 1.0000,
]  # fmt: skip
ALARM = BaselineOutcome(verdict="regressed", tolerance=0.02, p_value=0.01)
FAILURE = ExpectationOutcome(
    id="floor", bound="at_least", limit=0.5, source="chosen", quantity="cknna", value=0.4,
    low=0.3, high=0.49, p_value=0.01, verdict="failed",
)  # fmt: skip


def test_the_example_of_the_paper_rejects_four() -> None:
    """Benjamini and Hochberg 1995, section 3.2: at q = 0.05 the four smallest of fifteen."""
    alarms = {i: msgspec.structs.replace(ALARM, p_value=p) for i, p in enumerate(PUBLISHED)}
    adjusted = [one.adjusted_p_value for one in judged_together(alarms).values()]
    assert [i for i, p in enumerate(adjusted) if p is not None and p <= 0.05] == [0, 1, 2, 3]
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)


def test_one_alarm_alone_stays() -> None:
    """There is nothing to adjust for."""
    assert judged_together({"a": ALARM})["a"].verdict == "regressed"
    assert judged_together({"a": FAILURE})["a"].verdict == "failed"


def test_an_alarm_that_does_not_survive_is_doubt_and_never_a_pass() -> None:
    """The same p-value among ten that are well."""
    well = {i: msgspec.structs.replace(ALARM, verdict="unchanged", p_value=0.9) for i in range(10)}
    found = judged_together({**well, "alarm": ALARM})
    assert found["alarm"].verdict == "undecided"
    met = {i: msgspec.structs.replace(FAILURE, verdict="passed", p_value=0.9) for i in range(10)}
    assert judged_together({**met, "failure": FAILURE})["failure"].verdict == "undecided"


def test_adjustment_makes_no_alarm() -> None:
    """What is well stays well, however small the p-value."""
    well = msgspec.structs.replace(ALARM, verdict="unchanged", p_value=0.0)
    assert judged_together({"a": well})["a"].verdict == "unchanged"


def test_what_has_no_p_value_takes_no_part() -> None:
    """A value measured at another n is no comparison; and nothing is adjusted to nothing."""
    other = BaselineOutcome(verdict="not-comparable", tolerance=0.02)
    found = judged_together({"other": other, "alarm": ALARM})
    assert found["other"] == other
    assert found["alarm"].adjusted_p_value == pytest.approx(0.01)
    assert judged_together({"other": other}) == {"other": other}
    assert not judged_together({})


def test_a_run_in_which_all_is_well_alarms_in_one_of_twenty() -> None:
    """Ten families of twelve independent comparisons, each exactly at its bound, 1,000 runs.

    With each family held to the rate by itself, one run in three would alarm.
    """
    rng = np.random.default_rng(0)
    alarmed = 0
    for run in rng.uniform(size=(1000, 10, 12)):
        for family in run:
            outcomes = {
                i: msgspec.structs.replace(
                    ALARM, p_value=p, verdict="regressed" if p <= 0.025 else "unchanged"
                )
                for i, p in enumerate(family)
            }
            found = judged_together(outcomes, families=10)
            if any(one.verdict == "regressed" for one in found.values()):
                alarmed += 1
                break
    assert 0.03 <= alarmed / 1000 <= 0.07
