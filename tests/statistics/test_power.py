"""The number of samples that would decide, held against fresh draws."""

from __future__ import annotations

import numpy as np

from pytest_matalign.statistics.power import QUANTILE, samples_needed


def test_so_many_samples_decide_in_four_of_five_draws() -> None:
    """A mean of 0.1, bound 0: the interval of 4,000 fresh draws excludes it in 80 % of them."""
    error = 1 / np.sqrt(100)
    needed = samples_needed(0.1, QUANTILE * error, n=100)
    assert needed is not None
    rng = np.random.default_rng(0)
    half_width = QUANTILE / np.sqrt(needed)
    means = 0.1 + rng.normal(size=4000) / np.sqrt(needed)
    assert abs((means - half_width > 0).mean() - 0.8) < 0.02


def test_what_is_sure_needs_no_more_and_what_is_equal_is_never_sure() -> None:
    """An interval of no width has decided; a margin of none never is."""
    assert samples_needed(0.1, 0.0, n=50) == 50
    assert samples_needed(0.0, 0.1, n=50) is None
