"""Regressed, improved, unchanged or undecided: where the interval of the loss lies."""

from __future__ import annotations

import msgspec
import pytest

from pytest_matalign.scorecard.model import AlignmentRecord
from pytest_matalign.verdicts import regression
from pytest_matalign.verdicts.baseline import BaselineRow

ROW = BaselineRow(
    suite="s",
    split="qm9",
    reference="b",
    metric="cknna",
    estimator="cknna-paper/1",
    k=25,
    preprocess="center-l2",
    n=500,
    fingerprint="f",
    identity="i",
    value=0.6,
    low=0.58,
    high=0.62,
    confidence=0.95,
)
RECORD = AlignmentRecord(
    suite="s",
    split="qm9",
    a="new",
    b="b",
    pair_class="same-modality",
    metric="cknna",
    estimator="cknna-paper/1",
    k=25,
    preprocess="center-l2",
    higher_is_closer=True,
    fingerprint="f",
    reference="i",
    n=500,
    value=0.5,
    low=0.48,
    high=0.52,
    verdict="no-baseline",
)


def difference(low: float, high: float) -> dict[str, object]:
    """A paired difference as `statistics.Difference` states it."""
    return {
        "value": (low + high) / 2,
        "low": low,
        "high": high,
        "p_value": 0.5,
        "n": 500,
        "samples_needed": 900,
    }


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.09, -0.03, "regressed"),
        (-0.03, -0.01, "undecided"),
        (-0.01, 0.01, "unchanged"),
        (0.0, 0.0, "unchanged"),
        (0.01, 0.05, "unchanged"),
        (0.03, 0.05, "improved"),
    ],
)
@pytest.mark.parametrize("higher", [True, False])
def test_the_interval_of_the_loss_decides(
    low: float, high: float, verdict: str, *, higher: bool
) -> None:
    """For metrics where lower is closer a rise is the loss."""
    interval = (low, high) if higher else (-high, -low)
    outcome = regression.from_difference(
        difference(*interval), value=0.6, tolerance=0.02, higher_is_closer=higher
    )
    assert outcome.verdict == verdict
    assert outcome.samples_needed == (900 if verdict == "undecided" else None)


def test_without_tolerance_equal_embeddings_are_unchanged() -> None:
    """They differ by exactly nothing, with an interval of no width."""
    outcome = regression.from_difference(
        difference(0.0, 0.0), value=0.6, tolerance=0.0, higher_is_closer=True
    )
    assert outcome.verdict == "unchanged"


def test_values_alone_give_a_wider_interval() -> None:
    """Half-widths add as for independent samples: 0.02 and 0.02 give 0.028."""
    outcome = regression.from_values(RECORD, ROW, tolerance=0.02)
    assert outcome.verdict == "regressed"
    assert outcome.paired is False
    assert outcome.difference == pytest.approx(-0.1)
    assert outcome.low == pytest.approx(-0.1 - 0.02 * 2**0.5)
    assert outcome.p_value is not None
    assert outcome.p_value < 1e-6


def test_undecided_says_how_many_samples_would_decide() -> None:
    """The half-width must shrink from 0.0283 to the margin of 0.01: (2.83)^2 times 500."""
    close = msgspec.structs.replace(RECORD, value=0.57, low=0.55, high=0.59)
    outcome = regression.from_values(close, ROW, tolerance=0.02)
    assert outcome.verdict == "undecided"
    assert outcome.samples_needed == pytest.approx(4000, abs=1)
    assert "about 4000 samples would decide" in regression.explain(outcome, metric="cknna").replace(
        str(outcome.samples_needed), "4000"
    )


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"estimator": "cknna-paper/2"}, "estimator"),
        ({"k": 10}, "k"),
        ({"preprocess": "none"}, "preprocessing"),
        ({"n": 400}, "number of samples"),
        ({"fingerprint": "g"}, "fingerprint of the samples"),
        ({"identity": "j"}, "reference"),
    ],
)
def test_values_measured_otherwise_are_not_comparable(
    changed: dict[str, object], what: str
) -> None:
    """Named, with the command that mends it."""
    row = msgspec.structs.replace(ROW, **changed)
    outcome = regression.from_values(RECORD, row, tolerance=0.02)
    assert outcome.verdict == "not-comparable"
    assert f"another {what}" in outcome.reason
    assert "--matalign-update=all" in regression.explain(outcome, metric="cknna")


def test_an_alarm_that_does_not_survive_adjustment_is_doubt() -> None:
    """Never the other way round: adjustment cannot make a regression."""
    alarm = regression.from_difference(
        difference(-0.09, -0.03), value=0.6, tolerance=0.02, higher_is_closer=True
    )
    assert regression.adjusted(alarm, 0.01).verdict == "regressed"
    assert regression.adjusted(alarm, 0.2).verdict == "undecided"
    fine = regression.from_difference(
        difference(-0.01, 0.01), value=0.6, tolerance=0.02, higher_is_closer=True
    )
    assert regression.adjusted(fine, 0.0).verdict == "unchanged"
