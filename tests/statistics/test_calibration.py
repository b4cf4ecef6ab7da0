"""Calibrated scores."""

from __future__ import annotations

import pytest

from pytest_matalign.statistics.calibration import calibrated_score


@pytest.mark.parametrize(
    ("value", "threshold", "best", "score"),
    [
        (0.6, 0.2, 1.0, 0.5),
        (0.1, 0.2, 1.0, 0.0),  # below chance is no alignment, not a negative one
        (1.0, 0.2, 1.0, 1.0),
        (0.5, 0.98, 0.02, 0.5),  # a metric whose best value is the smallest
        (1.2, 0.98, 0.02, 0.0),
        (1.0, 1.0, 1.0, 0.0),  # chance already reaches the best: nothing can be told
    ],
)
def test_score_runs_from_chance_to_best(value, threshold, best, score):
    """0 at the threshold of chance, 1 at the best, in either direction."""
    assert calibrated_score(value, threshold=threshold, best=best) == pytest.approx(score)
