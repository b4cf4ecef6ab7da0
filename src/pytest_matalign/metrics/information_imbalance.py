"""Information imbalance: how well the neighbours in one space predict those in another."""

from __future__ import annotations

from pytest_matalign.metrics.arrays import ArrayLike, Float64, distances
from pytest_matalign.metrics.neighbours import mid_ranks, neighbour_weights
from pytest_matalign.metrics.preprocessing import prepared_pair


def information_imbalance(
    x: ArrayLike, y: ArrayLike, *, k: int = 1, preprocess: str = "center-l2"
) -> tuple[float, float]:
    """Return the imbalance x to y and y to x (estimator `information-imbalance/1`).

    x to y is 2 / n times the mean rank, by Euclidean distance in y, of the k nearest neighbours
    in x (Glielmo et al. 2022, PNAS Nexus 1, eq. 2). Tied samples share places and get mid-ranks.

    Arguments and errors are those of `pytest_matalign.information_imbalance`.
    """
    dx, dy = (distances(f) for f in prepared_pair(x, y, preprocess))
    return _imbalance(dx, dy, k), _imbalance(dy, dx, k)


def _imbalance(nearby: Float64, ranked: Float64, k: int) -> float:
    n = len(nearby)
    weights, ranks = neighbour_weights(-nearby, k), mid_ranks(ranked)
    return float(2.0 / (n * n * k) * (weights * ranks).sum())
