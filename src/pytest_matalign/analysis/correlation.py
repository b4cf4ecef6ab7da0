"""Rank correlation over few, related models: families are the units, and one may not decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pytest_matalign.metrics.arrays import Float64

PERMUTATIONS = 9999


@dataclass(frozen=True, slots=True, kw_only=True)
class RankCorrelation:
    """Spearman's correlation of two properties of models."""

    value: float  # Spearman's rho over models
    # Spearman's rho over families, each the mean of its members; None with fewer than four families
    family_value: float | None
    # Two-sided, over permutations of the families (exact up to seven of them). Models are not
    # exchangeable: variants of one family are no independent evidence.
    p_value: float | None
    without: dict[str, float]  # Value with each family left out in turn, where four models remain
    models: int  # How many models
    families: int  # How many families


def rank_correlation(
    x: Sequence[float], y: Sequence[float], families: Sequence[str]
) -> RankCorrelation | None:
    """Correlate two properties of models, each of a family, by rank.

    None with fewer than four models, of which a rank correlation says nothing.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(a) < 4:
        return None
    names = np.asarray(families)
    distinct = list(dict.fromkeys(families))
    family_value = p_value = None
    if len(distinct) >= 4:
        means = [np.array([v[names == f].mean() for f in distinct]) for v in (a, b)]
        family_value, p_value = _tested(means[0], means[1])
    without = {
        family: spearman(a[names != family], b[names != family])
        for family in distinct
        if np.count_nonzero(names != family) >= 4
    }
    return RankCorrelation(
        value=spearman(a, b),
        family_value=family_value,
        p_value=p_value,
        without=without,
        models=len(a),
        families=len(distinct),
    )


def spearman(x: Float64, y: Float64) -> float:
    """Return Spearman's rho with mid-ranks; NaN where one side is constant."""
    from scipy.stats import spearmanr

    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(spearmanr(x, y).statistic)


def _tested(x: Float64, y: Float64) -> tuple[float, float]:
    from scipy.stats import PermutationMethod, pearsonr, rankdata

    value = spearman(x, y)
    if np.isnan(value):
        return value, 1.0
    # Exact where there are no more orders than permutations would be drawn.
    rng = np.random.Generator(np.random.PCG64([0, len(x)]))
    method = PermutationMethod(n_resamples=PERMUTATIONS, random_state=rng)
    return value, float(pearsonr(rankdata(x), rankdata(y), method=method).pvalue)
