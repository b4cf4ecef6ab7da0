"""Reconstruction errors: how much of one embedding's features follows linearly from another's."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import require_samples, single_thread
from pytest_matalign.metrics.preprocessing import prepared_pair

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from pytest_matalign.metrics.arrays import ArrayLike, Float64

    Index: TypeAlias = NDArray[np.intp]

CUTOFFS = np.geomspace(1e-9, 0.9, 20)
"""Singular values below one of these, relative to the largest, are cut: which, the data say."""
_ROWS = 256


def reconstruction_error(
    x: ArrayLike, y: ArrayLike, *, preprocess: str = "center-l2"
) -> tuple[float, float]:
    """Return the error of y from x and of x from y (estimator `reconstruction-global/1`).

    The global feature space reconstruction error of Goscinski, Fraux, Imbalzano and Ceriotti
    2021 (arXiv:2009.02741, eq. 4 and 5): features are scaled to total variance 1, a linear map is
    fitted to half of the samples and judged on the other half, and the error is the root of the
    mean squared distance. Both halves are judged here, even rows by the map of the odd ones and
    the other way round. 0: y is a linear function of x; 1: x says no more than the mean (maps
    that generalise badly can exceed it). Lower is more aligned.

    Args:
        x: (n, d1), n at least 8.
        y: (n, d2), row i being the same sample.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: Arrays that cannot be compared, too few samples, or half of the rows all
            the same.
    """
    a, b = _pair(x, y, preprocess)
    return _root_mean_square(global_errors(a, b)), _root_mean_square(global_errors(b, a))


def local_reconstruction_error(
    x: ArrayLike, y: ArrayLike, *, k: int = 25, preprocess: str = "center-l2"
) -> tuple[float, float]:
    """Return the same with a map of its own for each sample (estimator `reconstruction-local/1`).

    Equation 8 and 9 of Goscinski et al. 2021: the map of a sample is fitted to its k nearest
    neighbours in the features it starts from, among the other half, both neighbourhoods centred.

    Args:
        x: (n, d1), n at least 2 k and 8.
        y: (n, d2), row i being the same sample.
        k: Neighbours a map is fitted to, at least 4.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: As `reconstruction_error`; k out of range.
    """
    a, b = _pair(x, y, preprocess)
    if not 4 <= k <= len(a) // 2:
        raise MetricInputError(
            f"k is {k} for {len(a)} samples; a local reconstruction takes its neighbours from "
            f"half of them, so k must be from 4 to {len(a) // 2}."
        )
    return _root_mean_square(local_errors(a, b, k=k)), _root_mean_square(local_errors(b, a, k=k))


def global_errors(x: Float64, y: Float64) -> Float64:
    """Return the distance (n,) of each row of y (n, e) from what a map of x (n, d) makes of it."""
    errors = np.empty(len(x))
    for fitted, judged in halves(len(x)):
        source, target = _scaled(x, fitted), _scaled(y, fitted)
        found = _maps(source[None, fitted], target[None, fitted])[0]
        errors[judged] = np.linalg.norm(target[judged] - source[judged] @ found, axis=1)
    return errors


def local_errors(x: Float64, y: Float64, *, k: int) -> Float64:
    """Return the distance (n,) of each row of y from what the map of its neighbours makes of it."""
    errors = np.empty(len(x))
    for fitted, judged in halves(len(x)):
        source, target = _scaled(x, fitted), _scaled(y, fitted)
        near, far = source[fitted], target[fitted]
        for start in range(0, len(judged), _ROWS):
            rows = judged[start : start + _ROWS]
            order = np.argsort(_squared_distances(source[rows], near), axis=1, kind="stable")
            a, b = near[order[:, :k]], far[order[:, :k]]
            middle_a, middle_b = a.mean(axis=1), b.mean(axis=1)
            found = _maps(a - middle_a[:, None], b - middle_b[:, None])
            there = np.einsum("id,ide->ie", source[rows] - middle_a, found)
            errors[rows] = np.linalg.norm(target[rows] - middle_b - there, axis=1)
    return errors


def halves(n: int) -> tuple[tuple[Index, Index], tuple[Index, Index]]:
    """Return (rows to fit, rows to judge), both ways round; splits come in a shuffled order."""
    even, odd = np.arange(0, n, 2), np.arange(1, n, 2)
    return (even, odd), (odd, even)


def _pair(x: ArrayLike, y: ArrayLike, preprocess: str) -> tuple[Float64, Float64]:
    a, b = prepared_pair(x, y, preprocess)
    require_samples(len(a), 8)
    return a, b


def _scaled(x: Float64, fitted: Index) -> Float64:
    """Return x with mean 0 and total variance 1 over the fitted rows."""
    centred = x - x[fitted].mean(axis=0)
    variance = np.einsum("ij,ij->", centred[fitted], centred[fitted]) / len(fitted)
    if variance <= 0:
        raise MetricInputError(
            "every second row of an embedding is the same; it has nothing to be reconstructed from."
        )
    scaled: Float64 = centred / np.sqrt(variance)
    return scaled


def _maps(x: Float64, y: Float64) -> Float64:
    """Return P (b, d, e) with y ~ x P: least squares, small singular values of x (b, m, d) cut.

    The cutoff is the one by which the two halves of these rows predict each other best.
    """
    import torch

    # One thread: with more, matrices as small as these take many times as long.
    with single_thread():
        a, b = torch.tensor(x), torch.tensor(y)
        middle = (a.shape[1] + 1) // 2
        parts = ((a[:, :middle], b[:, :middle]), (a[:, middle:], b[:, middle:]))
        factors = [torch.linalg.svd(half, full_matrices=False) for half, _ in parts]
        largest = torch.maximum(*(s[:, 0] for _, s, _ in factors))
        cutoffs = largest[:, None] * torch.tensor(CUTOFFS)
        cutoffs = cutoffs.clamp(min=max(x.shape[1:]) * np.spacing(1.0))
        losses = torch.zeros_like(cutoffs)
        for (u, s, vt), (_, own), (other, wanted) in zip(factors, parts, parts[::-1], strict=True):
            losses += _losses(other @ vt.mT, s, u.mT @ own, wanted=wanted, cutoffs=cutoffs)
        u, s, vt = torch.linalg.svd(a, full_matrices=False)
        best = cutoffs.gather(1, losses.argmin(dim=1, keepdim=True))[:, 0]
        found: Float64 = ((vt.mT * _inverse(s, best)[:, None]) @ (u.mT @ b)).numpy()
        return found


def _losses(outer: Tensor, s: Tensor, inner: Tensor, *, wanted: Tensor, cutoffs: Tensor) -> Tensor:
    """Return how far outer / s inner (b, m, e), small s (b, r) cut, is from `wanted`: (b, c)."""
    import torch

    kept = (s[:, None] > cutoffs[..., None]).sum(dim=2)
    inner, losses, gaps, done = inner / s[..., None], torch.empty_like(cutoffs), wanted, 0
    for rank in torch.unique(kept).tolist():
        gaps = gaps - outer[..., done:rank] @ inner[:, done:rank]
        loss = gaps.square().mean(dim=1).sqrt().mean(dim=1)
        losses = torch.where(kept == rank, loss[:, None], losses)
        done = rank
    return losses


def _inverse(values: Tensor, cutoff: Tensor) -> Tensor:
    """Return 1 / values (b, r) where they are above the cutoff (b,), else 0."""
    import torch

    return torch.where(values > cutoff[:, None], 1.0 / values, 0.0)


def _squared_distances(x: Float64, y: Float64) -> Float64:
    """Return (n, m) squared distances of rows, from their differences so that none is rounded."""
    from scipy.spatial.distance import cdist

    found: Float64 = cdist(x, y, "sqeuclidean")
    return found


def _root_mean_square(errors: Float64) -> float:
    return float(np.sqrt((errors**2).mean()))
