"""Scores on a scale from chance to best, and p-values of many tests together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.errors import MetricInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def calibrated_score(value: float, *, threshold: float, best: float) -> float:
    """Return (value - threshold) / (best - threshold), between 0 and 1.

    Groeger, Wen and Brbic 2026 (arXiv 2602.14486): 0 is what unrelated spaces reach in 5 % of
    permutations, 1 the best value there is. Works for metrics whose best value is the smallest.

    Args:
        value: The metric.
        threshold: Its 5 % critical value under permutation.
        best: The value of perfect alignment.
    """
    span = best - threshold
    if not math.isfinite(span) or span == 0:
        return 0.0
    return min(max((value - threshold) / span, 0.0), 1.0)


def benjamini_hochberg(p_values: Sequence[float]) -> NDArray[np.float64]:
    """Return adjusted p-values (m,), in the order given.

    Calling significant what is at most q keeps the expected share of false calls at most q
    (Benjamini and Hochberg 1995), for independent or positively dependent tests.

    Args:
        p_values: (m,), each between 0 and 1.

    Raises:
        MetricInputError: A p-value is not a number between 0 and 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise MetricInputError("p-values must be a list of numbers between 0 and 1.")
    m = len(p)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * m / np.arange(1, m + 1)
    adjusted = np.empty(m)
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return np.minimum(adjusted, 1.0)
