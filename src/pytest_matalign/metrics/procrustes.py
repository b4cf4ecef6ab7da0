"""Orthogonal Procrustes similarity."""

from __future__ import annotations

import numpy as np

from pytest_matalign.metrics.arrays import ArrayLike, Float64, product, single_thread
from pytest_matalign.metrics.preprocessing import prepared_pair


def procrustes(x: ArrayLike, y: ArrayLike, *, preprocess: str = "center-l2") -> float:
    """Return the cosine after the best rotation, 0 to 1 (estimator `procrustes-cosine/1`).

    The nuclear norm of X'Y over the Frobenius norms of X and Y, columns centred. Its arccos is
    the angular shape distance of Williams et al. 2021, sqrt(2 - 2 value) the distance after
    centring and scaling.

    Arguments and errors are those of `pytest_matalign.procrustes`.
    """
    a, b = prepared_pair(x, y, preprocess)
    return nuclear_norm(unit_norm(a), unit_norm(b))


def unit_norm(features: Float64) -> Float64:
    """Return features (n, d) with columns centred and Frobenius norm 1, no wider than n."""
    centred: Float64 = features - features.mean(axis=0)
    centred /= np.sqrt((centred * centred).sum())
    n, d = centred.shape
    if d <= n:
        return centred
    # A rotation to n columns leaves every Procrustes quantity as it is.
    triangle: Float64 = np.linalg.qr(centred.T)[1]
    return np.ascontiguousarray(triangle.T)


def nuclear_norm(x: Float64, y: Float64) -> float:
    """Return the sum of singular values of X'Y for X (n, d1), Y (n, d2)."""
    import torch

    cross = product(np.ascontiguousarray(x.T), y)
    with single_thread():
        return float(torch.linalg.svdvals(torch.tensor(cross)).sum())
