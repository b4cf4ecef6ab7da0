"""The two values that everything else passes on: an alignment, and a difference of two.

Plain numbers and strings, frozen: the same from the engine through the store to the scorecard.
"""

from __future__ import annotations

import msgspec


class Estimate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number by one estimator, with its interval."""

    metric: str
    estimator: str
    """Its formula and version."""
    k: int | None
    """Neighbours, where the metric has them."""
    preprocess: str
    """What was done to the features."""
    n: int
    """Samples."""
    value: float
    low: float
    high: float
    """Ends of the interval."""
    confidence: float
    """Level of the interval."""


class Alignment(Estimate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One estimator's value for two embeddings, with its interval and its permutation null.

    The value of a directed metric, such as `information_imbalance`, is the mean of both directions.
    """

    null_mean: float
    """Mean over all permutations of the samples of one space."""
    null_sd: float
    p_value: float
    """Probability of so much alignment or more under permutation."""
    calibrated: float
    """(value - threshold) / (best - threshold) between 0 and 1, the threshold being what
    permutations exceed in 5 % of cases (Groeger, Wen and Brbic 2026)."""
    directions: tuple[float, float] | None = None
    """Both values of a directed metric, x to y and y to x."""


class Difference(Estimate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Alignment of a candidate minus that of a baseline, both with one reference.

    In the metric's own units (mind its direction); the interval is paired over the samples.
    """

    p_value: float
    """One-sided, that the candidate is not less aligned by more than the tolerance; small means
    regressed."""
    samples_needed: int | None
    """Samples at which an interval as wide as this one's, shrunk by the root of n, would no longer
    contain the tolerance; None where no number would do."""
