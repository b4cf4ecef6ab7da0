"""Rank correlation over few, related models: permutation p, and what one family decides."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations as every_order
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.errors import MetricInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_matalign.metrics.arrays import Float64

PERMUTATIONS = 9999
EXACT_UP_TO = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class RankCorrelation:
    """Spearman's correlation of two properties of models.

    Attributes:
        value: Spearman's rho over models.
        p_value: Two-sided, over permutations of the models (exact up to seven models). Takes
            models as exchangeable, which variants of one family are not: a lower bound.
        family_value: Spearman's rho over families, each the mean of its members; None with
            fewer than four families.
        family_p_value: The same test over families; None with fewer than four.
        without: Value with each family left out in turn, where four models remain.
        models: How many models.
        families: How many families.
    """

    value: float
    p_value: float
    family_value: float | None
    family_p_value: float | None
    without: dict[str, float]
    models: int
    families: int


def rank_correlation(
    x: Sequence[float], y: Sequence[float], families: Sequence[str], *, seed: int = 0
) -> RankCorrelation:
    """Correlate two properties of models by rank.

    Args:
        x: One number a model.
        y: Another number a model.
        families: Family of each model.
        seed: Of the permutations.

    Raises:
        MetricInputError: Fewer than four models.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(a) < 4 or len(a) != len(b) or len(a) != len(families):
        raise MetricInputError(
            f"a rank correlation over {len(a)} models says nothing; it needs 4 or more, with one "
            "value of both properties and a family each."
        )
    names = np.asarray(families)
    value, p = _tested(a, b, seed)
    distinct = list(dict.fromkeys(families))
    family_value = family_p = None
    if len(distinct) >= 4:
        means = [np.array([v[names == f].mean() for f in distinct]) for v in (a, b)]
        family_value, family_p = _tested(means[0], means[1], seed)
    without = {
        family: spearman(a[names != family], b[names != family])
        for family in distinct
        if np.count_nonzero(names != family) >= 4
    }
    return RankCorrelation(
        value=value,
        p_value=p,
        family_value=family_value,
        family_p_value=family_p,
        without=without,
        models=len(a),
        families=len(distinct),
    )


def spearman(x: Float64, y: Float64) -> float:
    """Return Spearman's rho with mid-ranks; NaN where one side is constant."""
    from scipy.stats import rankdata

    return _pearson(rankdata(x), rankdata(y))


def _pearson(x: Float64, y: Float64) -> float:
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size > 0 else float("nan")


def _tested(x: Float64, y: Float64, seed: int) -> tuple[float, float]:
    from scipy.stats import rankdata

    rx, ry = rankdata(x), rankdata(y)
    observed = _pearson(rx, ry)
    if np.isnan(observed):
        return observed, 1.0
    n = len(rx)
    if n <= EXACT_UP_TO:
        orders = every_order(range(n))
        found = _shuffled(np.array([rx[list(order)] for order in orders]), ry)
        return observed, float(
            np.count_nonzero(np.abs(found) >= abs(observed) - 1e-12) / factorial(n)
        )
    rng = np.random.Generator(np.random.PCG64([seed, n]))
    found = _shuffled(np.array([rng.permutation(rx) for _ in range(PERMUTATIONS)]), ry)
    hits = int(np.count_nonzero(np.abs(found) >= abs(observed) - 1e-12))
    return observed, (1 + hits) / (1 + PERMUTATIONS)


def _shuffled(x: Float64, y: Float64) -> Float64:
    """Pearson correlations (orders,) of orders of one property (orders, models) with another."""
    x, y = x - x[0].mean(), y - y.mean()
    found: Float64 = x @ y / np.sqrt((x[0] @ x[0]) * (y @ y))
    return found
