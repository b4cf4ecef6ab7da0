"""What comparing two prepared spaces yields, whatever the metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pytest_matalign.metrics.arrays import distances, gram, require_spread
from pytest_matalign.metrics.preprocessing import preprocess

if TYPE_CHECKING:
    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.metrics.spec import MetricSpec
    from pytest_matalign.statistics.influence import Influence
    from pytest_matalign.statistics.permutation import Null


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Value of a metric, both directions where it has them, and its influences."""

    value: float
    influence: Influence
    directions: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NullResult:
    """Null distribution on the scale of the statistic, and the tail beyond the value seen."""

    mean: float
    sd: float
    p_value: float
    threshold: float
    """The value that independent spaces exceed in 5 % of permutations."""


class Part(Protocol):
    """One space prepared for one metric."""

    def compare(self, other: Part) -> Comparison:
        """Return the value and influences of the metric between this space and another."""
        ...

    def null(self, other: Part, value: float) -> NullResult:
        """Return the permutation null and the tail beyond `value`."""
        ...


class Space:
    """Matrices of one embedding that several metrics share, each computed when first needed."""

    def __init__(self, x: Float64, *, how: str, seed: int) -> None:
        self.features = preprocess(x, how)
        require_spread(self.features, "the embedding")
        self.n = len(x)
        self.seed = seed
        self._gram: Float64 | None = None
        self._distances: Float64 | None = None

    def gram(self) -> Float64:
        """Return inner products (n, n)."""
        if self._gram is None:
            self._gram = gram(self.features)
        return self._gram

    def distances(self) -> Float64:
        """Return Euclidean distances (n, n)."""
        if self._distances is None:
            self._distances = distances(self.features)
        return self._distances


def upper_null(null: Null, value: float) -> NullResult:
    """Return the null of a statistic whose large values mean alignment."""
    return NullResult(
        mean=null.mean,
        sd=null.sd,
        p_value=null.upper_tail(value),
        threshold=null.quantile(0.95),
    )


def lower_null(null: Null, value: float) -> NullResult:
    """Return the null of a statistic whose small values mean alignment."""
    return NullResult(
        mean=null.mean,
        sd=null.sd,
        p_value=null.lower_tail(value),
        threshold=null.quantile(0.05),
    )


def sampled_skewness(samples: Float64, mean: float, sd: float) -> float:
    """Return the skewness of sampled permutations about the exact mean and deviation."""
    if sd <= 0:
        return 0.0
    return float(np.clip((((samples - mean) / sd) ** 3).mean(), -2.0, 2.0))


def make_part(space: Space, spec: MetricSpec) -> Part:
    """Return one space prepared for one metric."""
    from pytest_matalign.statistics import nearest, pairwise

    if spec.name in {"cknna", "mutual_knn"}:
        return nearest.overlap_part(space, k=spec.k or 0, kernel=spec.name == "cknna")
    if spec.name == "information_imbalance":
        return nearest.imbalance_part(space, k=spec.k or 0)
    if spec.name == "procrustes":
        return pairwise.procrustes_part(space)
    if spec.name == "rsa":
        return pairwise.rank_part(space)
    return pairwise.product_part(space, spec.name)
