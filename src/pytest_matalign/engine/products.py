"""Third pass of the all-pairs engine: cross products of features, for CKA and Procrustes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pytest_matalign.engine.spaces import Space

_ROWS = 8192


def cross_row(
    spaces: Sequence[Space], a: int, *, nuclear: bool, threads: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return squared Frobenius and nuclear norms (M - a,) of X_a' X_b for b = a, a + 1, ...

    Products of float32 rows are added up in float64 over blocks of rows.
    """
    first = spaces[a]
    crosses = [
        torch.zeros((first.width, space.width), dtype=torch.float64, device=first.device)
        for space in spaces[a:]
    ]
    for start, block in first.blocks(_ROWS):
        turned = block.T.contiguous()
        for b, space in enumerate(spaces[a:]):
            crosses[b] += (turned @ space.rows(start, start + len(block))).double()
    squares = np.array([float(cross.square().sum()) for cross in crosses])
    if not nuclear:
        return squares, np.full(len(crosses), np.nan)
    if first.device.type != "cpu" or threads == 1:
        return squares, np.array([_nuclear(cross) for cross in crosses])
    with ThreadPoolExecutor(threads) as pool:  # LAPACK runs one small matrix on one core
        return squares, np.array(list(pool.map(_nuclear, crosses)))


def _nuclear(cross: torch.Tensor) -> float:
    # Eigenvalues of the smaller Gram matrix: three times as fast as singular values, and exact
    # to about 1e-8 of the largest.
    tall = cross if cross.shape[0] >= cross.shape[1] else cross.T
    return float(torch.linalg.eigvalsh(tall.T @ tall).clamp(min=0.0).sqrt().sum())


def procrustes_matrix(
    nuclear: NDArray[np.float64], norms: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return Procrustes cosines (M, M) from nuclear norms (M, M) and squared norms (M,)."""
    return nuclear / np.sqrt(np.outer(norms, norms))


def cka_matrix(
    squares: NDArray[np.float64], lengths: NDArray[np.float64], *, unbiased: bool
) -> NDArray[np.float64]:
    """Return linear CKA (M, M).

    Args:
        squares: Squared Frobenius norms (M, M) of the cross products of centred features.
        lengths: Squared lengths (M, n) of the centred rows.
        unbiased: HSIC as a U-statistic (Song et al. 2012) or as a V-statistic.
    """
    hsic = squares
    if unbiased:
        n = lengths.shape[1]
        totals = lengths.sum(axis=1)
        hsic = squares - n / (n - 2) * (lengths @ lengths.T)
        hsic = hsic + np.outer(totals, totals) / ((n - 1) * (n - 2))
    own = hsic.diagonal()
    return np.asarray(hsic / np.sqrt(np.outer(own, own)))
