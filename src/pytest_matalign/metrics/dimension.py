"""Intrinsic dimension of one space, and the correlation of two through it."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import (
    ArrayLike,
    Float64,
    as_matrix,
    as_pair,
    require_samples,
    row_labels,
    squared_distances,
)
from pytest_matalign.metrics.preprocessing import preprocess as prepare_features

DimensionMethod = Literal["mle", "twonn", "gride"]


def intrinsic_dimension(
    x: ArrayLike, *, method: DimensionMethod = "twonn", k: int = 50, preprocess: str = "none"
) -> float:
    """Return the intrinsic dimension of a space.

    `twonn` (`twonn/1`, Facco et al. 2017): least-squares line through the origin of
    -log(1 - F) on log(r2 / r1), the largest tenth of the ratios discarded. `mle` (`mle/1`,
    Levina and Bickel 2005 with the harmonic mean of MacKay and Ghahramani): from the k nearest
    distances of each sample. `gride` (`gride/1`, Denti et al. 2022): maximum likelihood from the
    ratio of the distances to neighbours 2m and m, with 2m the largest power of two within k.

    Identical rows are counted once: they say nothing of the space's dimension.

    Arguments and errors are those of `pytest_matalign.intrinsic_dimension`.
    """
    features = distinct_rows(prepare_features(x, preprocess))
    return dimension_from_nearest(nearest_distances(features, neighbours_needed(method, k)), method)


def neighbours_needed(method: str, k: int) -> int:
    """Return how many neighbours a method uses.

    Raises:
        MetricInputError: Unknown method.
    """
    if method not in get_args(DimensionMethod):
        raise MetricInputError(
            f"unknown dimension method {method!r}; choose one of "
            f"{', '.join(get_args(DimensionMethod))}."
        )
    if method == "gride":
        return 1 << (max(k, 2).bit_length() - 1)
    return 2 if method == "twonn" else k


def dimension_from_nearest(nearest: Float64, method: str) -> float:
    """Return the dimension by one method from distances (n, k), ascending, none of them 0."""
    if method == "twonn":
        return twonn(nearest)
    return levina_bickel(nearest) if method == "mle" else gride(nearest)


def distinct_rows(features: Float64) -> Float64:
    """Return the rows (m, d) of features (n, d), each once, in order of first occurrence."""
    _, first = np.unique(row_labels(features), return_index=True)
    return np.ascontiguousarray(features[first])


def nearest_distances(features: Float64, k: int) -> Float64:
    """Return distances (n, k) to the k nearest other rows, ascending.

    Raises:
        MetricInputError: Fewer than k + 2 rows.
    """
    require_samples(len(features), k + 2)
    values = squared_distances(features)
    np.fill_diagonal(values, np.inf)
    return np.sqrt(np.sort(np.partition(values, k - 1, axis=1)[:, :k], axis=1))


def twonn(nearest: Float64, discard: float = 0.1) -> float:
    """Return the TwoNN fit from distances (n, >= 2) to the nearest neighbours."""
    logs = np.sort(np.log(nearest[:, 1] / nearest[:, 0]))
    n = len(logs)
    kept = logs[: int(n * (1 - discard))]
    target = -np.log1p(-np.arange(1, len(kept) + 1) / n)
    squares = float((kept * kept).sum())
    if squares == 0:
        raise MetricInputError(
            "the two nearest neighbours are equally far for nearly all samples; "
            "TwoNN has no dimension to fit on such a lattice, use method 'mle'."
        )
    return float((kept * target).sum() / squares)


def levina_bickel(nearest: Float64) -> float:
    """Return the maximum-likelihood dimension from distances (n, k) to the nearest neighbours."""
    k = nearest.shape[1]
    if k < 2:
        raise MetricInputError(f"k is {k}; method 'mle' needs at least 2 neighbours.")
    inverse = np.log(nearest[:, -1:] / nearest[:, :-1]).sum(axis=1) / (k - 1)
    return float(1.0 / inverse.mean())


def gride(nearest: Float64) -> float:
    """Return the Gride dimension from distances (n, 2m) to the nearest neighbours."""
    from scipy.optimize import brentq

    order = nearest.shape[1]
    half = order // 2
    logs = np.log(nearest[:, order - 1] / nearest[:, half - 1])
    logs = np.maximum(logs, 1e-12)  # equal distances: the likelihood's derivative stays finite

    free = 1.0 - 1.0 / len(logs)  # with m = 1 this is the unbiased (n - 1) / sum(log)

    def slope(d: float) -> float:
        # d/dd of the log likelihood of Denti et al. 2022, eq. 4, divided by n.
        growth = logs / -np.expm1(-d * logs)
        return float(free / d + (half - 1) * growth.mean() - (order - 1) * logs.mean())

    return float(brentq(slope, 1e-3, 1e4))


def id_correlation(
    x: ArrayLike,
    y: ArrayLike,
    *,
    method: DimensionMethod = "twonn",
    k: int = 50,
    preprocess: str = "none",
) -> float:
    """Return the intrinsic-dimension correlation of Basile et al. 2025 (`id-correlation/1`).

    (I_x + I_y - I_xy) / max(I_x, I_y), with I_xy the dimension of the joined features, each
    feature first brought to mean 0 and variance 1. About 0 for unrelated spaces; not bounded.

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        method: See `intrinsic_dimension`.
        k: See `intrinsic_dimension`.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: Arrays that cannot be compared, or too few different samples.
    """
    a, b = as_pair(x, y)
    sides = [
        _standardise(prepare_features(values, preprocess, name=name))
        for name, values in (("x", a), ("y", b))
    ]
    joint = as_matrix(np.hstack(sides), "x and y joined")
    dx, dy, dxy = (intrinsic_dimension(s, method=method, k=k) for s in (*sides, joint))
    return (dx + dy - dxy) / max(dx, dy)


def _standardise(x: Float64) -> Float64:
    centred = x - x.mean(axis=0)
    centred[:, (x == x[0]).all(axis=0)] = 0.0
    scale = np.sqrt((centred * centred).mean(axis=0))
    result: Float64 = np.divide(centred, scale, out=np.zeros_like(centred), where=scale > 0)
    return result
