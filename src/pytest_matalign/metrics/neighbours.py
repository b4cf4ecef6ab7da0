"""Nearest neighbours with a rule for ties, ranks, and the overlap of neighbourhoods."""

from __future__ import annotations

import numpy as np

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import ArrayLike, Float64, gram
from pytest_matalign.metrics.preprocessing import prepared_pair


def require_neighbours(k: int, n: int) -> None:
    """Raise MetricInputError unless 1 <= k <= n - 1."""
    if not 1 <= k <= n - 1:
        raise MetricInputError(
            f"k is {k}, but {n} samples have between 1 and {n - 1} neighbours each; "
            "choose k in that range or use more samples."
        )


def neighbour_weights(closeness: Float64, k: int) -> Float64:
    """Return neighbour weights (n, n): rows sum to k, the diagonal is 0.

    Every sample strictly among the k closest has weight 1. Samples tied for the last places
    share what is left of k equally, so nothing depends on the order of the samples.

    Args:
        closeness: (n, n), larger is closer; the diagonal is ignored.
        k: Number of neighbours.
    """
    n = len(closeness)
    require_neighbours(k, n)
    values = closeness.copy()
    np.fill_diagonal(values, -np.inf)
    last = np.partition(values, n - k, axis=1)[:, n - k, None]
    weights = (values > last).astype(np.float64)
    tied = values == last
    share = (k - weights.sum(axis=1)) / tied.sum(axis=1)
    weights += np.where(tied, share[:, None], 0.0)
    return weights


def mid_ranks(distances: Float64) -> Float64:
    """Return ranks (n, n) of the others by distance from each row: 1 is nearest, ties share.

    The diagonal is 0; tied samples all get the mean of the ranks they occupy.
    """
    from scipy.stats import rankdata

    values = distances.copy()
    np.fill_diagonal(values, -np.inf)
    ranks: Float64 = rankdata(values, method="average", axis=1) - 1.0
    return ranks


def mutual_knn(x: ArrayLike, y: ArrayLike, *, k: int = 10, preprocess: str = "center-l2") -> float:
    """Return the share of neighbours two spaces have in common (estimator `mutual-knn/1`).

    Neighbours are by largest inner product (cosine, once rows have unit length). With
    neighbour weights a, b the value is sum(a b) / sqrt(sum(a^2) sum(b^2)), which without ties
    is the mean over samples of |N_x ∩ N_y| / k of Huh et al. 2024 (arXiv 2405.07987).

    Arguments and errors are those of `pytest_matalign.mutual_knn`.
    """
    wx, wy = (neighbour_weights(gram(f), k) for f in prepared_pair(x, y, preprocess))
    return float((wx * wy).sum() / np.sqrt((wx * wx).sum() * (wy * wy).sum()))
