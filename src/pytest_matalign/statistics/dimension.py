"""Intrinsic dimension with an interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.engine.dimension import nearest_rows
from pytest_matalign.engine.spaces import Space
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import ArrayLike, Float64, as_real, require_samples
from pytest_matalign.metrics.dimension import (
    DimensionMethod,
    dimension_from_nearest,
    neighbours_needed,
)

GROUPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionEstimate:
    """Intrinsic dimension of one space; plain numbers and strings.

    Attributes:
        metric: Always `intrinsic_dimension`.
        estimator: Method and version, e.g. `twonn/1`.
        value: The dimension.
        low: Lower end of the interval.
        high: Upper end of the interval.
        confidence: Level of the interval.
        n: Samples given.
        distinct: Different samples, which are those used.
        k: Neighbours used.
        preprocess: What was done to the features.
    """

    metric: str
    estimator: str
    value: float
    low: float
    high: float
    confidence: float
    n: int
    distinct: int
    k: int
    preprocess: str


def assess_dimension(
    x: ArrayLike,
    *,
    method: DimensionMethod = "twonn",
    k: int = 50,
    preprocess: str = "none",
    confidence: float = 0.95,
    seed: int = 0,
) -> DimensionEstimate:
    """Return the intrinsic dimension of a space with a delete-a-group jackknife interval.

    Conservative: in simulations (n = 300) the reported standard error was 1.4 to 2 times the
    deviation seen and nominal 95 % intervals covered in 99 to 100 % of draws, because leaving
    samples out moves the neighbours of those left.

    Args:
        x: Embedding (n, d).
        method: See `pytest_matalign.intrinsic_dimension`.
        k: Neighbours for `mle` and `gride`.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.
        confidence: Level of the interval.
        seed: Which samples form which of the 20 groups left out in turn.

    Raises:
        MetricInputError: As `intrinsic_dimension`; or a confidence outside (0, 1).
    """
    from scipy.special import stdtrit

    if not 0 < confidence < 1:
        raise MetricInputError(f"confidence is {confidence}; it must lie between 0 and 1.")
    space = Space(as_real(x, "x"), name="x", how=preprocess)
    distinct = space.without_copies()
    used = neighbours_needed(method, k)
    m = distinct.n
    require_samples(m, max(2 * GROUPS, used + 2 + -(-m // GROUPS)))
    groups = np.random.Generator(np.random.PCG64([seed, m])).permutation(m) % GROUPS
    # Enough neighbours that the first `used` are still there without any group of samples.
    width = min(2 * used + 16, m - 2)
    ids, nearest = nearest_rows(distinct, width)
    while width < m - 2 and _fewest(ids, groups) < used:
        width = min(2 * width, m - 2)
        ids, nearest = nearest_rows(distinct, width)
    value = dimension_from_nearest(nearest[:, :used], method)
    left_out = np.array(
        [
            dimension_from_nearest(_without(ids, nearest, groups, group, used), method)
            for group in range(GROUPS)
        ]
    )
    variance = (GROUPS - 1) / GROUPS * float(((left_out - left_out.mean()) ** 2).sum())
    half_width = float(stdtrit(GROUPS - 1, 0.5 + confidence / 2)) * float(np.sqrt(variance))
    return DimensionEstimate(
        metric="intrinsic_dimension",
        estimator=f"{method}/1",
        value=value,
        low=value - half_width,
        high=value + half_width,
        confidence=confidence,
        n=space.n,
        distinct=m,
        k=used,
        preprocess=preprocess,
    )


def _fewest(ids: NDArray[np.int32], groups: NDArray[np.intp]) -> int:
    """Return the least number of listed neighbours left when any one group is taken out."""
    member = groups[ids]
    most = max(int((member == group).sum(axis=1).max()) for group in range(GROUPS))
    return int(ids.shape[1]) - most


def _without(
    ids: NDArray[np.int32], nearest: Float64, groups: NDArray[np.intp], group: int, k: int
) -> Float64:
    """Return distances (kept, k) to the nearest of those that are not in a group."""
    kept = groups != group
    stays = kept[ids[kept]]
    # A stable sort brings the neighbours that stay to the front, still in order of distance.
    order = np.argsort(~stays, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(nearest[kept], order, axis=1)
