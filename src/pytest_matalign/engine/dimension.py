"""Distances to nearest neighbours, exact in float64, and the intrinsic dimension they give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.engine.search import exact_distances, neighbour_lists
from pytest_matalign.engine.spaces import Space
from pytest_matalign.metrics.arrays import require_samples
from pytest_matalign.metrics.dimension import twonn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_matalign.metrics.arrays import Float64


def nearest_rows(space: Space, k: int) -> tuple[NDArray[np.int32], Float64]:
    """Return ids and distances (n, k) of the k nearest other rows of a space, ascending.

    Raises:
        MetricInputError: Fewer than k + 2 rows.
    """
    require_samples(space.n, k + 2)
    _, lists = neighbour_lists(space, by_distance=k)
    assert lists is not None
    return lists.ids, exact_distances(space, lists.ids)


def twonn_of(space: Space, ids: NDArray[np.int32]) -> float:
    """Return TwoNN of a space from its nearest neighbours (n, K); NaN where too few differ."""
    # Float32 may have exchanged the second and third neighbour: look at three.
    distances = exact_distances(space, ids[:, :3])
    if not distances[:, 0].all():
        rows = np.concatenate([block.double().cpu().numpy() for _, block in space.blocks(4096)])
        distinct = Space(rows, name=space.name, how="none").without_copies()
        if distinct.n < 5:
            return float("nan")
        _, distances = nearest_rows(distinct, 3)
    return twonn(distances)
