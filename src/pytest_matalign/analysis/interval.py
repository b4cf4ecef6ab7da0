"""Intervals of statistics that are functions of whole alignment matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import Float64

GROUPS = 20
"""Groups of samples left out in turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A number and how well it is known; plain floats."""

    value: float  # The estimate on all samples
    low: float  # Lower end
    high: float  # Upper end
    # Level, over the choice of samples; the choice of models is not covered
    confidence: float = 0.95

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval is positive."""
        return self.low > 0

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval is negative."""
        return self.high < 0

    def negated(self) -> Interval:
        """The same with its sign turned."""
        return Interval(
            value=-self.value, low=-self.high, high=-self.low, confidence=self.confidence
        )

    def minus(self, other: Interval) -> Interval:
        """Difference of two estimates from independent samples, at the level of this one."""
        up = float(np.hypot(self.high - self.value, other.value - other.low))
        down = float(np.hypot(self.value - self.low, other.high - other.value))
        value = self.value - other.value
        return Interval(value=value, low=value - down, high=value + up, confidence=self.confidence)


def sample_groups(n: int, *, groups: int = GROUPS, seed: int = 0) -> NDArray[np.intp]:
    """Return the group (n,) of each sample: a seeded permutation dealt out in turn.

    Raises:
        MetricInputError: Fewer than two samples a group.
    """
    if n < 2 * groups:
        raise MetricInputError(
            f"{n} samples are too few for {groups} groups of a jackknife; use {2 * groups} or more."
        )
    rng = np.random.Generator(np.random.PCG64([seed, n]))
    dealt: NDArray[np.intp] = rng.permutation(n) % groups
    return dealt


def jackknife_interval(
    value: float, left_out: Sequence[float] | Float64, *, confidence: float = 0.95
) -> Interval:
    """Return the delete-a-group jackknife interval of a statistic.

    Args:
        value: On all samples.
        left_out: With each group of samples left out, (groups,).
        confidence: Level, by Student's t on groups - 1 degrees of freedom.

    The variance is (g - 1) / g times the sum of squared deviations from the replicates' mean
    (Shao and Tu 1995, section 2.3). It is on the wide side for nearest-neighbour statistics.
    """
    from scipy.special import stdtrit

    replicates = np.asarray(left_out, dtype=np.float64)
    count = len(replicates)
    variance = (count - 1) / count * float(((replicates - replicates.mean()) ** 2).sum())
    half = float(stdtrit(count - 1, 0.5 + confidence / 2)) * float(np.sqrt(variance))
    return Interval(value=value, low=value - half, high=value + half, confidence=confidence)


def ratio_interval(top: Float64, bottom: Float64, *, confidence: float = 0.95) -> Interval:
    """Return sum(top) / sum(bottom) of per-sample values (n,), linearised for its interval."""
    from scipy.special import ndtri

    value = float(top.sum() / bottom.sum())
    n = len(top)
    deviations = top - value * bottom
    error = float(np.sqrt((deviations**2).sum() * n / (n - 1)) / bottom.sum())
    half = float(ndtri(0.5 + confidence / 2)) * error
    return Interval(value=value, low=value - half, high=value + half, confidence=confidence)
