"""Intervals and nulls by recomputing the metric: slower than `assess`, and independent of it.

`assess` works out influences and permutation moments in closed form. These functions reach the
same things by drawing, which makes them the check on it and the way for metrics it lacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import ArrayLike, Float64, as_pair, require_samples
from pytest_matalign.statistics.calibration import calibrated_score

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_matalign.metrics.spec import MetricSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value with its interval, all plain numbers."""

    value: float
    low: float
    high: float
    confidence: float
    standard_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PermutationTest:
    """A value among those of permuted samples, all plain numbers.

    Attributes:
        value: The metric.
        null_mean: Mean over the permutations drawn.
        null_sd: Their standard deviation.
        p_value: (1 + permutations at least as aligned) / (draws + 1).
        threshold: The order statistic ceil(0.95 (draws + 1)) of value and permutations.
        calibrated: See `calibrated_score`.
        draws: Permutations drawn.
    """

    value: float
    null_mean: float
    null_sd: float
    p_value: float
    threshold: float
    calibrated: float
    draws: int


def _value_of(spec: MetricSpec) -> Callable[[Float64, Float64], float]:
    return lambda x, y: spec.define(x, y)[0]


def subsampling_interval(
    x: ArrayLike,
    y: ArrayLike,
    spec: MetricSpec,
    *,
    fraction: float = 0.25,
    draws: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return an interval from subsamples drawn without replacement.

    Subsamples of b = `fraction` n samples have variance V about their mean; the interval is
    the full-sample value plus or minus z sqrt(V b / (n - b)), the factor undoing both the size
    and the overlap of subsamples (Politis and Romano 1994, with the finite-population
    correction). Only their spread is used: the metric's level moves with n at fixed k. Small
    fractions leave less of the interactions between samples counted twice; b must stay well
    above k.

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        spec: The metric, with the same k for subsamples as for all.
        fraction: Share of the samples in a subsample.
        draws: Subsamples.
        confidence: Level of the interval.
        seed: Of the subsamples.

    Raises:
        MetricInputError: Arrays that cannot be compared, or a fraction that leaves fewer than
            10 or 2 k samples.
    """
    a, b = as_pair(x, y)
    n = len(a)
    size = int(fraction * n)
    least = max(10, 2 * (spec.k or 1))
    if not 0 < fraction < 1 or size < least:
        raise MetricInputError(
            f"a fraction of {fraction} of {n} samples is {size}; {spec.name} needs subsamples of "
            f"at least {least}, and fewer than all."
        )
    metric = _value_of(spec)
    rng = np.random.Generator(np.random.PCG64(seed))
    values = np.array(
        [
            metric(a[chosen], b[chosen])
            for chosen in (np.sort(rng.permutation(n)[:size]) for _ in range(draws))
        ]
    )
    error = float(np.sqrt(values.var(ddof=1) * size / (n - size)))
    return _interval(metric(a, b), error, confidence, degrees=None)


def jackknife_interval(
    x: ArrayLike,
    y: ArrayLike,
    spec: MetricSpec,
    *,
    groups: int = 20,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return an interval from leaving out one of `groups` random groups of samples at a time.

    The delete-d jackknife with d = n / groups (Shao and Wu 1989). Conservative for
    nearest-neighbour metrics: leaving out samples counts interactions of r samples r times, so
    that standard errors come out up to twice too large (see `benchmarks/interval_coverage.py`).

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        spec: The metric.
        groups: Groups, at least 3.
        confidence: Level of the interval, from the t distribution with groups - 1 degrees.
        seed: Which samples form which group.

    Raises:
        MetricInputError: Arrays that cannot be compared, or fewer than two samples a group.
    """
    a, b = as_pair(x, y)
    n = len(a)
    if groups < 3:
        raise MetricInputError(f"groups is {groups}; the jackknife needs at least 3.")
    require_samples(n, 2 * groups)
    metric = _value_of(spec)
    member = np.random.Generator(np.random.PCG64([seed, n])).permutation(n) % groups
    values = np.array([metric(a[member != g], b[member != g]) for g in range(groups)])
    error = float(np.sqrt((groups - 1) / groups * ((values - values.mean()) ** 2).sum()))
    return _interval(metric(a, b), error, confidence, degrees=groups - 1)


def _interval(value: float, error: float, confidence: float, *, degrees: int | None) -> Interval:
    from scipy.special import ndtri, stdtrit

    if not 0 < confidence < 1:
        raise MetricInputError(f"confidence is {confidence}; it must lie between 0 and 1.")
    level = 0.5 + confidence / 2
    half_width = error * float(ndtri(level) if degrees is None else stdtrit(degrees, level))
    return Interval(
        value=value,
        low=value - half_width,
        high=value + half_width,
        confidence=confidence,
        standard_error=error,
    )


def permutation_test(
    x: ArrayLike, y: ArrayLike, spec: MetricSpec, *, draws: int = 199, seed: int = 0
) -> PermutationTest:
    """Return where a value lies among those of permuted samples.

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample; its rows are permuted.
        spec: The metric.
        draws: Permutations; the smallest p-value is 1 / (draws + 1).
        seed: Of the permutations.

    Raises:
        MetricInputError: Arrays that cannot be compared, or fewer than 19 draws, with which no
            value could pass the 5 % threshold.
    """
    if draws < 19:
        raise MetricInputError(f"draws is {draws}; at least 19 are needed for a 5 % threshold.")
    a, b = as_pair(x, y)
    metric = _value_of(spec)
    value = metric(a, b)
    rng = np.random.Generator(np.random.PCG64(seed))
    null = np.array([metric(a, b[rng.permutation(len(b))]) for _ in range(draws)])
    sign = 1.0 if spec.direction == "higher" else -1.0
    ordered = np.sort(np.append(sign * null, sign * value))
    threshold = sign * float(ordered[int(np.ceil(0.95 * (draws + 1))) - 1])
    return PermutationTest(
        value=value,
        null_mean=float(null.mean()),
        null_sd=float(null.std(ddof=1)),
        p_value=float((1 + (sign * null >= sign * value).sum()) / (draws + 1)),
        threshold=threshold,
        calibrated=calibrated_score(value, threshold=threshold, best=spec.row.best(len(a), spec.k)),
        draws=draws,
    )
