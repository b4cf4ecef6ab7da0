"""The law of a statistic under permutation, from its moments or from a few draws, and its tails."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pytest_matalign.metrics.arrays import Float64

SMALLEST_P = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class NullResult:
    """Null distribution on the scale of the statistic, and the tail beyond the value seen."""

    mean: float
    sd: float
    p_value: float
    threshold: float
    """The value that independent spaces exceed in 5 % of permutations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """Distribution of a statistic under permutation of the samples: Pearson's type III."""

    mean: float
    sd: float
    skewness: float

    def beyond(self, value: float, *, higher: bool = True) -> NullResult:
        """Return the null and the tail of values as far out as `value`, at least 1e-300."""
        if not higher:
            turned = Null(mean=-self.mean, sd=self.sd, skewness=-self.skewness).beyond(-value)
            return replace(turned, mean=self.mean, threshold=-turned.threshold)
        return NullResult(
            mean=self.mean,
            sd=self.sd,
            p_value=self.upper_tail(value),
            threshold=self.quantile(0.95),
        )

    def upper_tail(self, value: float) -> float:
        """Return the probability of `value` or more, at least 1e-300."""
        if self.sd <= 0:
            return 1.0 if value <= self.mean else SMALLEST_P
        z = (value - self.mean) / self.sd
        return max(_pearson_tail(z, self.skewness), SMALLEST_P)

    def quantile(self, probability: float) -> float:
        """Return the value that is not exceeded with this probability."""
        from scipy.special import gammaincinv, ndtri

        if abs(self.skewness) < 1e-4:
            return self.mean + self.sd * float(ndtri(probability))
        shape = 4.0 / self.skewness**2
        p = probability if self.skewness > 0 else 1.0 - probability
        z = (float(gammaincinv(shape, p)) - shape) / np.sqrt(shape)
        return self.mean + self.sd * float(z if self.skewness > 0 else -z)


def _pearson_tail(z: float, skewness: float) -> float:
    from scipy.special import gammainc, gammaincc, ndtr

    if abs(skewness) < 1e-4:
        return float(ndtr(-z))
    shape = 4.0 / skewness**2
    if skewness > 0:
        point = shape + z * np.sqrt(shape)
        return 1.0 if point <= 0 else float(gammaincc(shape, point))
    point = shape - z * np.sqrt(shape)
    return 0.0 if point <= 0 else float(gammainc(shape, point))


def sampled_null(samples: Float64, value: float, *, higher: bool) -> NullResult:
    """Return the null of a statistic from a few permutations, with the tail of their t law."""
    from scipy.special import stdtr, stdtrit

    count = len(samples)
    mean, sd = float(samples.mean()), float(samples.std(ddof=1))
    spread = sd * np.sqrt(1 + 1 / count)  # the value is one more draw under the null
    sign = 1.0 if higher else -1.0
    p = float(stdtr(count - 1, -sign * (value - mean) / spread)) if spread > 0 else 1.0
    return NullResult(
        mean=mean,
        sd=sd,
        p_value=p,
        threshold=mean + sign * spread * float(stdtrit(count - 1, 0.95)),
    )


def sampled_skewness(samples: Float64, mean: float, sd: float) -> float:
    """Return the skewness of sampled permutations about the exact mean and deviation."""
    if sd <= 0:
        return 0.0
    return float(np.clip((((samples - mean) / sd) ** 3).mean(), -2.0, 2.0))
