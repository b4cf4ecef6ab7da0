"""The two values that everything else passes on: an alignment, and a difference of two.

Plain numbers and strings, frozen: the same from the engine through the store to the scorecard.
"""

from __future__ import annotations

import msgspec


class Estimate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number by one estimator, with its interval; the fields are told of at `Alignment`."""

    metric: str
    estimator: str
    k: int | None
    preprocess: str
    n: int
    value: float
    low: float
    high: float
    confidence: float


class Alignment(Estimate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One estimator's value for two embeddings, with its interval and its permutation null.

    Attributes:
        metric: Name of the metric.
        estimator: Its formula and version.
        k: Neighbours, where the metric has them.
        preprocess: What was done to the features.
        n: Samples.
        value: The metric; of `information_imbalance` the mean of both directions.
        low: Lower end of the interval.
        high: Upper end of the interval.
        confidence: Level of the interval.
        null_mean: Mean over all permutations of the samples of one space.
        null_sd: Standard deviation over the permutations.
        p_value: Probability of so much alignment or more under permutation.
        calibrated: (value - threshold) / (best - threshold) between 0 and 1, the threshold
            being what permutations exceed in 5 % of cases (Groeger, Wen and Brbic 2026).
        directions: Both information imbalances, x to y and y to x.
    """

    null_mean: float
    null_sd: float
    p_value: float
    calibrated: float
    directions: tuple[float, float] | None = None


class Difference(Estimate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Alignment of a candidate minus that of a baseline, both with one reference.

    In the metric's own units (mind its direction); the interval is paired over the samples.

    Attributes:
        p_value: One-sided, that the candidate is not less aligned by more than the tolerance;
            small means regressed.
        samples_needed: Samples that would decide with a chance of 80 %, if the difference is
            what it seems; None where no number would do.
    """

    p_value: float
    samples_needed: int | None
