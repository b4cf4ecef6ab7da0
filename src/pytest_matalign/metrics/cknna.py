"""Centred kernel nearest-neighbour alignment (CKNNA), in its three conventions."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import ArrayLike, Float64, gram
from pytest_matalign.metrics.neighbours import neighbour_weights
from pytest_matalign.metrics.preprocessing import prepared_pair

CknnaEstimator = Literal["paper", "masked-hsic", "masked-hsic-biased"]


def cknna(
    x: ArrayLike,
    y: ArrayLike,
    *,
    k: int = 25,
    estimator: CknnaEstimator = "paper",
    preprocess: str = "center-l2",
) -> float:
    """Return CKNNA of two spaces, from about 0 (unrelated) to 1 (same neighbours, same kernel).

    `paper`: the linear kernel minus its row mean, multiplied over pairs that are neighbours in
    both spaces (Huh et al. 2024, eq. 16 to 18). `masked-hsic`: the raw kernel masked to common
    neighbours, then the unbiased HSIC of Song et al. 2012, as the authors' code computes it;
    `masked-hsic-biased`: with the biased HSIC, a sample being its own neighbour. Ties share. No
    constant is added to the denominator, so a space agrees with itself to 1 at every n and scale.

    Arguments and errors are those of `pytest_matalign.cknna`.
    """
    if estimator not in get_args(CknnaEstimator):
        raise MetricInputError(
            f"unknown CKNNA estimator {estimator!r}; choose one of "
            f"{', '.join(get_args(CknnaEstimator))}."
        )
    kx, ky = (gram(f) for f in prepared_pair(x, y, preprocess, minimum=4))
    if estimator == "paper":
        return _paper(kx, ky, k)
    if estimator == "masked-hsic":
        return _masked(kx, ky, k)
    return _masked_biased(kx, ky, k)


def centred_by_row(kernel: Float64) -> Float64:
    """Return the kernel (n, n) with the mean of each row taken off, diagonal included."""
    centred: Float64 = kernel - kernel.mean(axis=1, keepdims=True)
    return centred


def _paper(kx: Float64, ky: Float64, k: int) -> float:
    mx, my = neighbour_weights(kx, k), neighbour_weights(ky, k)
    cx, cy = mx * centred_by_row(kx), my * centred_by_row(ky)
    return float((cx * cy).sum() / np.sqrt((cx * cx).sum() * (cy * cy).sum()))


def _masked(kx: Float64, ky: Float64, k: int) -> float:
    mx, my = neighbour_weights(kx, k), neighbour_weights(ky, k)
    both = mx * my
    cross = _hsic_unbiased(both * kx, both * ky)
    own = _hsic_unbiased(mx * kx, mx * kx) * _hsic_unbiased(my * ky, my * ky)
    return float(cross / np.sqrt(own)) if own > 0 else float("nan")


def _hsic_unbiased(a: Float64, b: Float64) -> float:
    # Song et al. 2012, eq. 5, for matrices that need not be symmetric (masks are not).
    n = len(a)
    cross = float((a * b.T).sum())
    totals = float(a.sum()) * float(b.sum()) / ((n - 1) * (n - 2))
    rows = 2.0 / (n - 2) * float((a.sum(axis=0) * b.sum(axis=1)).sum())
    return (cross + totals - rows) / (n * (n - 3))


def _masked_biased(kx: Float64, ky: Float64, k: int) -> float:
    mx, my = _weights_with_self(kx, k), _weights_with_self(ky, k)
    both = mx * my
    cross = _hsic_biased(both * kx, both * ky)
    own = _hsic_biased(mx * kx, mx * kx) * _hsic_biased(my * ky, my * ky)
    return float(cross / np.sqrt(own)) if own > 0 else float("nan")


def _hsic_biased(a: Float64, b: Float64) -> float:
    def centred(m: Float64) -> Float64:
        result: Float64 = m - m.mean(axis=0) - m.mean(axis=1, keepdims=True) + m.mean()
        return result

    return float((centred(a) * centred(b).T).sum())


def _weights_with_self(kernel: Float64, k: int) -> Float64:
    n = len(kernel)
    last = np.partition(kernel, n - k, axis=1)[:, n - k, None]
    weights = (kernel > last).astype(np.float64)
    tied = kernel == last
    return weights + np.where(tied, ((k - weights.sum(axis=1)) / tied.sum(axis=1))[:, None], 0.0)
