"""Calibrated scores and adjusted p-values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pytest_matalign.errors import MetricInputError
from pytest_matalign.statistics.calibration import benjamini_hochberg, calibrated_score


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


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_adjusted_p_values_are_scipys(p):
    """Benjamini-Hochberg in the order given, ties and ones included."""
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


def test_false_discoveries_stay_below_their_rate():
    """With half the tests null, at most 10 % of calls at 10 % are false, on average."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        null = rng.uniform(size=50)
        real = stats.norm.sf(rng.normal(3, 1, size=50))
        called = benjamini_hochberg(np.concatenate([null, real])) <= 0.1
        shares.append(called[:50].sum() / max(called.sum(), 1))
    assert np.mean(shares) < 0.1


@pytest.mark.parametrize("p", [[0.1, 1.2], [-0.1], [float("nan")]])
def test_only_probabilities_are_adjusted(p):
    """Anything else is refused."""
    with pytest.raises(MetricInputError, match="between 0 and 1"):
        benjamini_hochberg(p)
