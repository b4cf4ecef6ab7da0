"""Representational similarity analysis, plain and geo-topological."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import ArrayLike, Float64, gram, squared_distances
from pytest_matalign.metrics.preprocessing import prepared_pair

RsaDistance = Literal["euclidean", "squared-euclidean", "cosine", "correlation"]
RsaCorrelation = Literal["pearson", "spearman"]


def rsa(
    x: ArrayLike,
    y: ArrayLike,
    *,
    distance: RsaDistance = "euclidean",
    correlation: RsaCorrelation = "spearman",
    quantiles: tuple[float, float] | None = None,
    preprocess: str = "center-l2",
) -> float:
    """Return the correlation of two spaces' pairwise distances, -1 to 1.

    Estimator `rsa-DISTANCE-CORRELATION/1`, or `rsa-geotopological-DISTANCE-CORRELATION/1` where
    `quantiles` are given: distances below the lower quantile become 0, above the upper 1, linear
    between (Lin and Kriegeskorte 2023, arXiv 2309.11028).

    Arguments and errors are those of `pytest_matalign.rsa`.
    """
    if correlation not in get_args(RsaCorrelation):
        raise MetricInputError(
            f"unknown RSA correlation {correlation!r}; choose pearson or spearman."
        )
    sides = []
    for name, features in zip("xy", prepared_pair(x, y, preprocess), strict=True):
        pairs = pair_distances(features, distance)
        if quantiles is not None:
            pairs = geo_topological(pairs, quantiles)
        sides.append(standardised(pairs, correlation, name))
    return float((sides[0] * sides[1]).mean())


def pair_distances(features: Float64, distance: str) -> Float64:
    """Return the distances of all pairs i < j, row after row, (n (n - 1) / 2,).

    Raises:
        MetricInputError: Unknown distance.
    """
    upper = np.triu_indices(len(features), 1)
    if distance in {"euclidean", "squared-euclidean"}:
        squared = squared_distances(features)[upper]
        return squared if distance == "squared-euclidean" else np.sqrt(squared)
    if distance in {"cosine", "correlation"}:
        if distance == "correlation":
            features = features - features.mean(axis=1, keepdims=True)
        norms = np.sqrt((features * features).sum(axis=1, keepdims=True))
        unit = np.divide(features, norms, out=np.zeros_like(features), where=norms > 0)
        return 1.0 - gram(unit)[upper]
    raise MetricInputError(
        f"unknown RSA distance {distance!r}; choose one of {', '.join(get_args(RsaDistance))}."
    )


def geo_topological(pairs: Float64, quantiles: tuple[float, float]) -> Float64:
    """Return distances clipped to 0..1 between two of their quantiles.

    Raises:
        MetricInputError: Quantiles out of order, or equal distances at both.
    """
    low, up = quantiles
    if not 0 <= low < up <= 1:
        raise MetricInputError(f"quantiles are {quantiles}; they need 0 <= low < up <= 1.")
    lower, upper = np.quantile(pairs, [low, up])
    if upper <= lower:
        raise MetricInputError(
            f"distances at quantiles {low} and {up} are equal; choose quantiles further apart."
        )
    clipped: Float64 = np.clip((pairs - lower) / (upper - lower), 0.0, 1.0)
    return clipped


def standardised(pairs: Float64, correlation: str, name: str) -> Float64:
    """Return values (or their mid-ranks) with mean 0 and variance 1.

    Raises:
        MetricInputError: All values are the same.
    """
    if correlation == "spearman":
        from scipy.stats import rankdata

        pairs = rankdata(pairs)
    centred = pairs - pairs.mean()
    scale = np.sqrt((centred * centred).mean())
    if scale <= 1e-14 * max(1.0, float(np.abs(pairs).max())):
        raise MetricInputError(
            f"all samples of {name} are equally far apart; RSA has nothing to correlate."
        )
    result: Float64 = centred / scale
    return result
