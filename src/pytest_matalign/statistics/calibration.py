"""Scores on a scale from chance to best."""

from __future__ import annotations

import math


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
