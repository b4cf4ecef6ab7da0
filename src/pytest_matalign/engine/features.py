"""The pass over cross products of features: values of linear CKA and Procrustes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from pytest_matalign.engine.spaces import as_array
from pytest_matalign.engine.tiles import one_thread_each, threads_on
from pytest_matalign.metrics.arrays import single_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64

_ROWS = 8192


def cross_row(spaces: Sequence[Space], a: int, *, nuclear: bool) -> tuple[Float64, Float64]:
    """Return squared Frobenius and nuclear norms (M - a,) of X_a' X_b for b = a, a + 1, ...

    Columns are centred. Products of blocks of rows are added up in float64. Each product and each
    decomposition is worked out on one thread, several at once, so that the bits are the same on
    however many.
    """
    first = spaces[a]
    crosses = [
        torch.zeros((first.width, space.width), dtype=torch.float64, device=first.device)
        for space in spaces[a:]
    ]
    with one_thread_each(threads_on(first.device)) as pool, single_thread():
        for start in range(0, first.n, _ROWS):
            stop = min(start + _ROWS, first.n)
            product = partial(_product, first.centred(start, stop).T, start=start, stop=stop)
            for cross, found in zip(crosses, pool.map(product, spaces[a:]), strict=True):
                cross.add_(found)
        squares = np.array([float(cross.square().sum()) for cross in crosses])
        if not nuclear:
            return squares, np.full(len(crosses), np.nan)
        work = partial(_nuclear, exact=first.dtype == torch.float64)
        # That of X'X, the first, is its trace.
        return squares, np.array([float(crosses[0].trace()), *pool.map(work, crosses[1:])])


def _product(turned: torch.Tensor, space: Space, *, start: int, stop: int) -> torch.Tensor:
    return (turned @ space.centred(start, stop)).double()


def _nuclear(cross: torch.Tensor, *, exact: bool) -> float:
    if exact:
        return float(torch.linalg.svdvals(cross).sum())
    # Eigenvalues of the smaller Gram matrix: three times as fast as singular values, and exact
    # to about 1e-8 of the largest.
    tall = cross if cross.shape[0] >= cross.shape[1] else cross.T
    return float(torch.linalg.eigvalsh(tall.T @ tall).clamp(min=0.0).sqrt().sum())


def lengths(space: Space) -> Float64:
    """Return squared lengths (n,) of the rows after centring."""
    parts = []
    for start in range(0, space.n, _ROWS):
        block = space.centred(start, min(start + _ROWS, space.n))
        parts.append(as_array(block.square().sum(1, dtype=torch.float64)))
    return np.concatenate(parts)


def procrustes_values(nuclear: Float64, norms: Float64) -> Float64:
    """Return Procrustes cosines (M, M) from nuclear norms (M, M) and squared norms (M,)."""
    return nuclear / np.sqrt(np.outer(norms, norms))


def cka_values(squares: Float64, of_rows: Float64, *, unbiased: bool) -> Float64:
    """Return linear CKA (M, M).

    Args:
        squares: Squared Frobenius norms (M, M) of the cross products of centred features.
        of_rows: Squared lengths (M, n) of the centred rows.
        unbiased: HSIC as a U-statistic (Song et al. 2012) or as a V-statistic.
    """
    hsic = squares
    if unbiased:
        n = of_rows.shape[1]
        totals = of_rows.sum(axis=1)
        hsic = squares - n / (n - 2) * (of_rows @ of_rows.T)
        hsic = hsic + np.outer(totals, totals) / ((n - 1) * (n - 2))
    own = hsic.diagonal()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(hsic / np.sqrt(np.where(own > 0, own, np.nan)[:, None] * own))
