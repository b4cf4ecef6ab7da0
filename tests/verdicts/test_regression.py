"""Regressed, improved, unchanged or undecided: where the interval of the loss lies."""

from __future__ import annotations

import msgspec
import pytest
from alignments import alignment

from pytest_matalign.statistics.alignment import Difference
from pytest_matalign.verdicts.baseline import BaselineRow
from pytest_matalign.verdicts.regression import (
    explain_baseline,
    judge_difference,
    judge_values,
)

THEN = BaselineRow(
    suite="s",
    split="qm9",
    reference="b",
    reference_identity="i",
    samples_fingerprint="f",
    alignment=alignment(0.6),
)
NOW = msgspec.structs.replace(THEN, alignment=alignment(0.5))


def difference(low: float, high: float) -> Difference:
    """A paired difference at 500 samples."""
    return Difference(
        metric="cknna",
        estimator="cknna-paper/1",
        k=25,
        preprocess="center-l2",
        n=500,
        value=(low + high) / 2,
        low=low,
        high=high,
        confidence=0.95,
        p_value=0.5,
        samples_needed=900,
    )


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
    outcome = judge_difference(
        difference(*interval), value=0.6, tolerance=0.02, higher_is_closer=higher
    )
    assert outcome.verdict == verdict
    assert outcome.samples_needed == (900 if verdict == "undecided" else None)


def test_without_tolerance_equal_embeddings_are_unchanged() -> None:
    """They differ by exactly nothing, with an interval of no width."""
    outcome = judge_difference(
        difference(0.0, 0.0), value=0.6, tolerance=0.0, higher_is_closer=True
    )
    assert outcome.verdict == "unchanged"


def test_values_alone_give_a_wider_interval() -> None:
    """Half-widths add as for independent samples: 0.02 and 0.02 give 0.028."""
    outcome = judge_values(NOW, THEN, tolerance=0.02, higher_is_closer=True)
    assert outcome.verdict == "regressed"
    assert outcome.paired is False
    assert outcome.difference == pytest.approx(-0.1)
    assert outcome.low == pytest.approx(-0.1 - 0.02 * 2**0.5)
    assert outcome.p_value is not None
    assert outcome.p_value < 1e-6


def test_a_model_with_every_number_of_its_baseline_is_unchanged() -> None:
    """Intervals wider than the tolerance leave no doubt about what is the same."""
    wide = msgspec.structs.replace(THEN, alignment=alignment(0.6, half_width=0.1))
    outcome = judge_values(wide, wide, tolerance=0.02, higher_is_closer=True)
    assert outcome.verdict == "unchanged"
    assert (outcome.low, outcome.high) == (0, 0)
    other = msgspec.structs.replace(wide, alignment=alignment(0.6 + 1e-5, half_width=0.1))
    assert judge_values(other, wide, tolerance=0.02, higher_is_closer=True).verdict == "undecided"


def test_undecided_says_how_many_samples_would_decide() -> None:
    """2.8 standard errors, 0.0404 now, must shrink to the margin of 0.01: 4.04^2 times 500."""
    close = msgspec.structs.replace(THEN, alignment=alignment(0.57))
    outcome = judge_values(close, THEN, tolerance=0.02, higher_is_closer=True)
    assert outcome.verdict == "undecided"
    assert outcome.samples_needed is not None
    assert outcome.samples_needed == pytest.approx(500 * (4.0427) ** 2, rel=1e-3)
    words = explain_baseline(outcome, metric="cknna")
    assert f"about {outcome.samples_needed} samples would decide with a chance of 80 %" in words


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"alignment": alignment(0.6, estimator="cknna-paper/2")}, "estimator"),
        ({"alignment": alignment(0.6, k=10)}, "k"),
        ({"alignment": alignment(0.6, preprocess="none")}, "preprocessing"),
        ({"alignment": alignment(0.6, n=400)}, "number of samples"),
        ({"samples_fingerprint": "g"}, "fingerprint of the samples"),
        ({"reference_identity": "j"}, "reference"),
    ],
)
def test_values_measured_otherwise_are_not_comparable(row: dict[str, object], what: str) -> None:
    """Named, with the command that mends it."""
    then = msgspec.structs.replace(THEN, **row)
    outcome = judge_values(NOW, then, tolerance=0.02, higher_is_closer=True)
    assert outcome.verdict == "not-comparable"
    assert f"another {what}" in outcome.reason
    assert "--matalign-update=all" in explain_baseline(outcome, metric="cknna")
