"""Centred kernel alignment (CKA), linear and Gaussian, biased and unbiased."""

from __future__ import annotations

import numpy as np

from pytest_matalign.metrics.arrays import ArrayLike, Float64, distances, product
from pytest_matalign.metrics.preprocessing import prepared_pair


def linear_cka(
    x: ArrayLike, y: ArrayLike, *, unbiased: bool = False, preprocess: str = "center-l2"
) -> float:
    """Return linear CKA, 0 to 1 (estimators `linear-cka/1`, `linear-cka-unbiased/1`).

    The biased form is Kornblith et al. 2019; the unbiased one replaces HSIC by the U-statistic
    of Song et al. 2012 (eq. 5).

    Arguments and errors are those of `pytest_matalign.linear_cka`.
    """
    features = prepared_pair(x, y, preprocess, minimum=4)
    cx, cy = (f - f.mean(axis=0) for f in features)
    hsic = _hsic_u_features if unbiased else _hsic_v_features
    own = hsic(cx, cx) * hsic(cy, cy)
    return float(hsic(cx, cy) / np.sqrt(own)) if own > 0 else float("nan")


def _hsic_v_features(x: Float64, y: Float64) -> float:
    return float((product(np.ascontiguousarray(x.T), y) ** 2).sum())


def _hsic_u_features(x: Float64, y: Float64) -> float:
    # n(n-3) HSIC_u of centred features without any n x n matrix.
    n = len(x)
    nx, ny = (x * x).sum(axis=1), (y * y).sum(axis=1)
    cross = _hsic_v_features(x, y)
    return float(cross - n / (n - 2) * (nx * ny).sum() + nx.sum() * ny.sum() / ((n - 1) * (n - 2)))


def rbf_cka(
    x: ArrayLike,
    y: ArrayLike,
    *,
    bandwidth: float = 1.0,
    unbiased: bool = False,
    preprocess: str = "center-l2",
) -> float:
    """Return CKA with a Gaussian kernel (estimators `rbf-cka/1`, `rbf-cka-unbiased/1`).

    The kernel is exp(-d^2 / (2 s^2)) with s = `bandwidth` times the median distance between
    different samples, taken in each space by itself (Kornblith et al. 2019).

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        bandwidth: Multiple of the median distance, greater than 0; small values look locally.
        unbiased: U-statistic (may be negative) in place of the V-statistic.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: Arrays that cannot be compared, or all rows of one the same.
    """
    features = prepared_pair(x, y, preprocess, minimum=4)
    centre = u_centred if unbiased else double_centred
    kx, ky = (centre(_gaussian_kernel(f, bandwidth)) for f in features)
    return float((kx * ky).sum() / np.sqrt((kx * kx).sum() * (ky * ky).sum()))


def _gaussian_kernel(features: Float64, bandwidth: float) -> Float64:
    d = distances(features)
    off = d[np.triu_indices(len(d), 1)]
    # More than half the pairs may coincide; the median of the others still makes sense.
    median = np.median(off) or np.median(off[off > 0])
    kernel: Float64 = np.exp(-((d / (bandwidth * median)) ** 2) / 2)
    return kernel


def double_centred(matrix: Float64) -> Float64:
    """Return a symmetric matrix (n, n) with row, column and grand means taken off."""
    means = matrix.mean(axis=1)
    centred: Float64 = matrix - means[:, None] - means[None, :] + means.mean()
    return centred


def u_centred(matrix: Float64) -> Float64:
    """Return the U-centred matrix (n, n) of Szekely and Rizzo 2014: rows sum to 0, diagonal 0."""
    n = len(matrix)
    off = matrix.copy()
    np.fill_diagonal(off, 0.0)
    rows = off.sum(axis=1)
    result: Float64 = (
        off - (rows[:, None] + rows[None, :]) / (n - 2) + rows.sum() / ((n - 1) * (n - 2))
    )
    np.fill_diagonal(result, 0.0)
    return result
