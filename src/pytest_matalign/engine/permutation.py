"""Moments of a statistic whose samples are shuffled in one of the two spaces.

Every statistic here is a sum over pairs of samples, T = sum A_ij B_p(i)p(j). Its mean and
variance over all n! permutations p follow exactly from sums kept for each space; so does the
skewness where A and B are symmetric.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from pytest_matalign.engine.null import Null
from pytest_matalign.engine.tiles import block_rows, in_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pytest_matalign.metrics.arrays import Float64

PERMUTATIONS = 128
"""Permutations sampled for a skewness that has no closed form; mean and variance are exact."""
_ALL_TRIANGLES, _SOME_ROWS = 4096, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSums:
    """What the covariance of two sums needs of one space's matrices A1, A2 (diagonals 0).

    Both matrices have their off-diagonal mean taken off, which shifts T by a constant only.
    """

    same: float
    turned: float
    rows: float
    columns: float
    row_column: float
    column_row: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Sums over rows and over columns of a matrix with diagonal 0, each (n,)."""

    rows: Float64
    columns: Float64

    def centred(self) -> tuple[Float64, Float64, float]:
        """Return the margins of the matrix less its off-diagonal mean, and that mean."""
        n = len(self.rows)
        mean = float(self.rows.sum()) / (n * (n - 1))
        return self.rows - (n - 1) * mean, self.columns - (n - 1) * mean, mean


def pair_sums(a: Margins, b: Margins, *, same: float, turned: float) -> PairSums:
    """Return the sums over index coincidences of two matrices with diagonal 0.

    Args:
        a: Margins of the first.
        b: Margins of the second.
        same: sum A_ij B_ij.
        turned: sum A_ij B_ji.
    """
    n = len(a.rows)
    (ra, ca, ma), (rb, cb, mb) = a.centred(), b.centred()
    shift = n * (n - 1) * ma * mb
    return PairSums(
        same=same - shift,
        turned=turned - shift,
        rows=float((ra * rb).sum()),
        columns=float((ca * cb).sum()),
        row_column=float((ra * cb).sum()),
        column_row=float((ca * rb).sum()),
    )


def permutation_covariance(x: PairSums, y: PairSums, n: int) -> float:
    """Return Cov(sum A1 B1^p, sum A2 B2^p) over all permutations p of n >= 4 samples.

    The seven ways in which two ordered pairs of samples can coincide each contribute the
    product of both spaces' sums over that coincidence, divided by how often it occurs.
    """
    total = 0.0
    for a, b, count in zip(_coincidences(x), _coincidences(y), _counts(n), strict=True):
        total += a * b / count
    return total


def _coincidences(s: PairSums) -> tuple[float, ...]:
    shared = (s.rows - s.same, s.columns - s.same, s.row_column - s.turned, s.column_row - s.turned)
    return (s.same, s.turned, *shared, -s.same - s.turned - sum(shared))


def _counts(n: int) -> tuple[float, ...]:
    two, three = float(n * (n - 1)), float(n * (n - 1) * (n - 2))
    return (two, two, three, three, three, three, three * (n - 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class SymmetricSums:
    """Sums of one symmetric matrix over all ways two or three pairs of samples can coincide."""

    mean: float
    seconds: tuple[float, ...]
    thirds: tuple[float, ...]


def symmetric_sums(rows_of: Callable[[int, int], torch.Tensor], n: int) -> SymmetricSums:
    """Return the sums needed for exact mean, variance and skewness, from blocks of rows.

    Args:
        rows_of: Gives rows start to stop (stop - start, n) in float64 of a symmetric matrix with
            diagonal 0; may be called from several threads.
        n: Samples. Above 4,096 the sum over triangles, which takes n^3 steps, is estimated from
            256 of the rows.
    """
    size = block_rows(n)
    margins = [block for _, block in in_blocks(lambda i, j: rows_of(i, j).sum(1), n, rows=size)]
    sums = torch.cat(margins)
    mean = float(sums.sum()) / (n * (n - 1))
    r = sums - (n - 1) * mean

    def centred(start: int, stop: int) -> torch.Tensor:
        block = rows_of(start, stop) - mean
        line = torch.arange(stop - start)
        block[line, line + start] = 0.0
        return block

    def work(start: int, stop: int) -> tuple[torch.Tensor, float, torch.Tensor]:
        a = centred(start, stop)
        squares = a * a
        return squares.sum(1), float((squares * a).sum()), a @ r

    parts = [part for _, part in in_blocks(work, n, rows=size)]
    q, cube = torch.cat([part[0] for part in parts]), sum(part[1] for part in parts)
    across = torch.cat([part[2] for part in parts])
    triangle = _triangles(centred, n, size)
    double, total = float(q.sum()), float(r.sum())
    wedge = float((r * r).sum()) - double
    apart = total**2 - 2 * double - 4 * wedge
    qr = float((q * r).sum())
    double_touch = qr - cube
    double_apart = double * total - 4 * qr + 2 * cube
    path = float((r * across).sum()) - 2 * qr + cube - triangle
    star = float((r**3).sum()) - 3 * qr + 2 * cube
    wedge_apart = wedge * total - 4 * double_touch - 2 * triangle - 2 * star - 4 * path
    three_apart = apart * total - 4 * double_apart - 8 * path - 8 * wedge_apart
    return SymmetricSums(
        mean=mean,
        seconds=(double, wedge, apart),
        thirds=(cube, double_touch, double_apart, triangle, path, star, wedge_apart, three_apart),
    )


def _triangles(rows_of: Callable[[int, int], torch.Tensor], n: int, size: int) -> float:
    """Return the sum over i, j, k of A_ij A_jk A_ki."""
    if n <= _ALL_TRIANGLES:
        whole = torch.cat([block for _, block in in_blocks(rows_of, n, rows=size)])

        def work(start: int, stop: int) -> float:
            some = whole[start:stop]
            return float(((some @ whole) * some).sum())

        return sum(part for _, part in in_blocks(work, n, rows=size))
    chosen = torch.linspace(0, n - 1, _SOME_ROWS).long()
    some = torch.cat([rows_of(int(i), int(i) + 1) for i in chosen])

    def step(start: int, stop: int) -> torch.Tensor:
        return some[:, start:stop] @ rows_of(start, stop)

    paths = torch.zeros_like(some)
    for _, part in in_blocks(step, n, rows=size):
        paths += part
    return float((paths * some).sum()) * n / len(chosen)


def symmetric_null(x: SymmetricSums, y: SymmetricSums, n: int) -> Null:
    """Return the exact first three moments of T = sum_{i != j} A_ij B_p(i)p(j), for n >= 6."""
    falling = [1.0]
    for step in range(6):
        falling.append(falling[-1] * (n - step))
    # How many samples each coincidence involves, and in how many ways it comes about.
    second = sum(
        ways * a * b / falling[size]
        for a, b, ways, size in zip(x.seconds, y.seconds, (2, 4, 1), (2, 3, 4), strict=True)
    )
    third = sum(
        ways * a * b / falling[size]
        for a, b, ways, size in zip(
            x.thirds, y.thirds, (4, 24, 6, 8, 24, 8, 12, 1), (2, 3, 4, 3, 4, 4, 5, 6), strict=True
        )
    )
    sd = float(np.sqrt(max(second, 0.0)))
    return Null(
        mean=n * (n - 1) * x.mean * y.mean, sd=sd, skewness=third / sd**3 if sd > 0 else 0.0
    )


@lru_cache(maxsize=8)
def permutations(n: int, count: int, seed: int) -> NDArray[np.intp]:
    """Return `count` random permutations of n samples, (count, n); the same for every model."""
    rng = np.random.Generator(np.random.PCG64([seed, n]))
    result = np.stack([rng.permutation(n) for _ in range(count)]).astype(np.intp)
    result.setflags(write=False)
    return result
