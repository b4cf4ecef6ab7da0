"""What a statistic would be if the samples of one space were shuffled: moments and tails.

Every statistic here is a sum over pairs of samples, T = sum A_ij B_p(i)p(j). Its mean and
variance over all n! permutations p follow exactly from sums kept for each space; so does the
skewness where A and B are symmetric. The tail is Pearson's type III with these moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.metrics.arrays import product

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_matalign.metrics.arrays import Float64

SMALLEST_P = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """Distribution of a statistic under permutation of the samples."""

    mean: float
    sd: float
    skewness: float

    def upper_tail(self, value: float) -> float:
        """Return the probability of `value` or more, at least 1e-300."""
        if self.sd <= 0:
            return 1.0 if value <= self.mean else SMALLEST_P
        z = (value - self.mean) / self.sd
        return max(_pearson_tail(z, self.skewness), SMALLEST_P)

    def lower_tail(self, value: float) -> float:
        """Return the probability of `value` or less, at least 1e-300."""
        return Null(mean=-self.mean, sd=self.sd, skewness=-self.skewness).upper_tail(-value)

    def quantile(self, probability: float) -> float:
        """Return the value that is not exceeded with this probability."""
        from scipy.special import gammaincinv, ndtri

        if abs(self.skewness) < 1e-4:
            return self.mean + self.sd * float(ndtri(probability))
        shape = 4.0 / self.skewness**2
        p = probability if self.skewness > 0 else 1.0 - probability
        z = (float(gammaincinv(shape, p)) - shape) / np.sqrt(shape)
        return self.mean + self.sd * float(z if self.skewness > 0 else -z)


def _pearson_tail(z: float, skewness: float) -> float:
    from scipy.special import gammainc, gammaincc, ndtr

    if abs(skewness) < 1e-4:
        return float(ndtr(-z))
    shape = 4.0 / skewness**2
    if skewness > 0:
        point = shape + z * np.sqrt(shape)
        return 1.0 if point <= 0 else float(gammaincc(shape, point))
    point = shape - z * np.sqrt(shape)
    return 0.0 if point <= 0 else float(gammainc(shape, point))


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


def pair_sums(a: Float64, b: Float64) -> PairSums:
    """Return the sums over index coincidences of two matrices (n, n) with diagonal 0."""
    n = len(a)
    (ra, ca, ma), (rb, cb, mb) = _margins(a), _margins(b)
    shift = n * (n - 1) * ma * mb
    return PairSums(
        same=float(np.einsum("ij,ij->", a, b)) - shift,
        turned=float(np.einsum("ij,ji->", a, b)) - shift,
        rows=float((ra * rb).sum()),
        columns=float((ca * cb).sum()),
        row_column=float((ra * cb).sum()),
        column_row=float((ca * rb).sum()),
    )


def _margins(a: Float64) -> tuple[Float64, Float64, float]:
    n = len(a)
    rows, columns = a.sum(axis=1), a.sum(axis=0)
    mean = float(rows.sum()) / (n * (n - 1))
    return rows - (n - 1) * mean, columns - (n - 1) * mean, mean


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
    shared = (
        s.rows - s.same,
        s.columns - s.same,
        s.row_column - s.turned,
        s.column_row - s.turned,
    )
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


def symmetric_sums(matrix: Float64) -> SymmetricSums:
    """Return the sums needed for exact mean, variance and skewness; matrix (n, n), diagonal 0."""
    n = len(matrix)
    mean = float(matrix.sum()) / (n * (n - 1))
    a = matrix - mean
    np.fill_diagonal(a, 0.0)
    squares = a * a
    r, q = a.sum(axis=1), squares.sum(axis=1)
    cube = float(np.einsum("ij,ij->", squares, a))
    triangle = float(np.einsum("ij,ij->", product(a, a), a))
    double = float(q.sum())
    total = float(r.sum())
    wedge = float((r * r).sum()) - double
    apart = total**2 - 2 * double - 4 * wedge
    qr = float((q * r).sum())
    double_touch = qr - cube
    double_apart = double * total - 4 * qr + 2 * cube
    path = float((r * np.einsum("ij,j->i", a, r)).sum()) - 2 * qr + cube - triangle
    star = float((r**3).sum()) - 3 * qr + 2 * cube
    wedge_apart = wedge * total - 4 * double_touch - 2 * triangle - 2 * star - 4 * path
    three_apart = apart * total - 4 * double_apart - 8 * path - 8 * wedge_apart
    return SymmetricSums(
        mean=mean,
        seconds=(double, wedge, apart),
        thirds=(
            cube,
            double_touch,
            double_apart,
            triangle,
            path,
            star,
            wedge_apart,
            three_apart,
        ),
    )


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
        mean=n * (n - 1) * x.mean * y.mean,
        sd=sd,
        skewness=third / sd**3 if sd > 0 else 0.0,
    )


@lru_cache(maxsize=8)
def permutations(n: int, count: int, seed: int) -> NDArray[np.intp]:
    """Return `count` random permutations of n samples, (count, n); the same for every model."""
    rng = np.random.Generator(np.random.PCG64([seed, n]))
    result = np.stack([rng.permutation(n) for _ in range(count)]).astype(np.intp)
    result.setflags(write=False)
    return result
