"""Metrics over all pairs of samples between prepared spaces: dCor, CKA, RSA; and Procrustes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from pytest_matalign.metrics.arrays import product, single_thread
from pytest_matalign.metrics.cka import double_centred, u_centred, unbiased_kernel
from pytest_matalign.metrics.procrustes import nuclear_norm, unit_norm
from pytest_matalign.metrics.rsa import pair_distances, standardised
from pytest_matalign.statistics.comparison import Comparison, NullResult, Part, upper_null
from pytest_matalign.statistics.influence import Influence, symmetric
from pytest_matalign.statistics.permutation import (
    Null,
    SymmetricSums,
    permutations,
    symmetric_null,
    symmetric_sums,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.statistics.comparison import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPart:
    """A centred matrix scaled to norm 1; the statistic is the inner product of two."""

    n: int
    matrix: Float64
    sums: SymmetricSums
    diagonal: DiagonalSums | None
    """For V-statistics, whose diagonal is not 0; their value is then the square root."""

    def compare(self, other: Part) -> Comparison:
        """Return the value and its influences."""
        y = cast("ProductPart", other)
        products = self.matrix * y.matrix
        ratio = float(np.einsum("ij->", products))
        kernel = self.matrix * self.matrix
        kernel += y.matrix * y.matrix
        kernel *= -ratio / 2
        kernel += products
        if self.diagonal is None:
            return Comparison(value=ratio, influence=symmetric(kernel))
        root = float(np.sqrt(max(ratio, 0.0)))
        kernel /= 2 * root if root > 0 else 1.0
        return Comparison(value=root, influence=symmetric(kernel))

    def null(self, other: Part, value: float) -> NullResult:
        """Return the exact permutation null and the tail beyond `value`."""
        y = cast("ProductPart", other)
        null = symmetric_null(self.sums, y.sums, self.n)
        if self.diagonal is None or y.diagonal is None:
            return upper_null(null, value)
        mean, sd = _diagonal_moments(self.diagonal, y.diagonal, self.n)
        squared = upper_null(Null(mean=mean, sd=sd, skewness=null.skewness), value**2)
        root = float(np.sqrt(mean))
        return NullResult(
            mean=root - sd**2 / (8 * root**3),  # delta method, second order
            sd=sd / (2 * root),
            p_value=squared.p_value,
            threshold=float(np.sqrt(max(squared.threshold, 0.0))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagonalSums:
    """Trace, sum of squares, and sum of squared diagonal of a doubly centred matrix."""

    trace: float
    squares: float
    diagonal_squares: float


def _diagonal_moments(x: DiagonalSums, y: DiagonalSums, n: int) -> tuple[float, float]:
    """Return exact mean and deviation of sum A_ij B_p(i)p(j) (Kazi-Aoual et al. 1995)."""
    mean = x.trace * y.trace / (n - 1)

    def spread(s: DiagonalSums) -> float:
        return (n - 1) * s.squares - s.trace**2

    def diagonal(s: DiagonalSums) -> float:
        return n * (n + 1) * s.diagonal_squares - (n - 1) * (s.trace**2 + 2 * s.squares)

    variance = 2 * spread(x) * spread(y) / ((n - 1) ** 2 * (n + 1) * (n - 2))
    variance += diagonal(x) * diagonal(y) / ((n + 1) * n * (n - 1) * (n - 2) * (n - 3))
    return mean, float(np.sqrt(max(variance, 0.0)))


def product_part(space: Space, name: str) -> ProductPart:
    """Return a space prepared for linear CKA or distance correlation."""
    if name == "linear_cka":
        matrix = unbiased_kernel(space.features)
    elif name == "distance_correlation":
        matrix = u_centred(space.distances())
    else:
        matrix = double_centred(space.distances())
    matrix /= np.sqrt(np.einsum("ij,ij->", matrix, matrix))
    if name != "distance_correlation_biased":
        return ProductPart(n=space.n, matrix=matrix, sums=symmetric_sums(matrix), diagonal=None)
    diagonal = DiagonalSums(
        trace=float(np.trace(matrix)),
        squares=1.0,
        diagonal_squares=float((matrix.diagonal() ** 2).sum()),
    )
    # The skewness is that of the U-centred matrix, which differs in terms of order 1 / n.
    sums = symmetric_sums(u_centred(space.distances()))
    return ProductPart(n=space.n, matrix=matrix, sums=sums, diagonal=diagonal)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankPart:
    """Standardised ranks of all pair distances, and the order they came from."""

    n: int
    ranks: Float64
    order: NDArray[np.int32]
    sums: SymmetricSums

    def compare(self, other: Part) -> Comparison:
        """Return Spearman's correlation and its influences."""
        y = cast("RankPart", other)
        value = float((self.ranks * y.ranks).mean())
        # Ranks have the same variance whatever the samples, so only the product varies; but a
        # pair also raises the rank of every pair farther apart.
        kernel = self.ranks * y.ranks
        kernel += _rank_shift(self, y.ranks) + _rank_shift(y, self.ranks)
        kernel -= kernel.mean()
        return Comparison(
            value=value, influence=symmetric(square(kernel, self.n) / (2 * len(kernel)))
        )

    def null(self, other: Part, value: float) -> NullResult:
        """Return the exact permutation null and the tail beyond `value`."""
        y = cast("RankPart", other)
        return upper_null(symmetric_null(self.sums, y.sums, self.n), value)


def _rank_shift(x: RankPart, other: Float64) -> Float64:
    pairs = len(other)
    farther: Float64 = np.empty(pairs)
    sorted_values = other[x.order]
    farther[x.order] = sorted_values.sum() - np.cumsum(sorted_values)
    shift: Float64 = farther * (np.sqrt(12.0) / pairs)  # ranks / pairs have variance 1 / 12
    shift -= shift.mean()
    return shift


def square(pairs: Float64, n: int) -> Float64:
    """Return the symmetric matrix (n, n), diagonal 0, of values of pairs i < j."""
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n, 1)] = pairs
    both: Float64 = matrix + matrix.T
    return both


def rank_part(space: Space) -> RankPart:
    """Return a space prepared for RSA by Spearman's correlation of Euclidean distances."""
    pairs = pair_distances(space.features, "euclidean")
    ranks = standardised(pairs, "spearman", "the embedding")
    matrix = square(ranks / np.sqrt(2 * len(ranks)), space.n)
    return RankPart(
        n=space.n,
        ranks=ranks,
        order=np.argsort(pairs, kind="stable").astype(np.int32),
        sums=symmetric_sums(matrix),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcrustesPart:
    """Features (n, at most n), centred and of norm 1."""

    n: int
    seed: int
    features: Float64

    def compare(self, other: Part) -> Comparison:
        """Return the cosine after the best rotation, and its influences."""
        y = cast("ProcrustesPart", other)
        u, s, v = _svd(product(np.ascontiguousarray(self.features.T), y.features))
        value = float(s.sum())
        # First-order change of the nuclear norm: the rotation found stays as it is.
        rotated = product(self.features, np.ascontiguousarray(product(u, v)))
        samples = np.einsum("ij,ij->i", rotated, y.features)
        for features in (self.features, y.features):
            samples -= value / 2 * np.einsum("ij,ij->i", features, features)
        return Comparison(
            value=value, influence=Influence(samples=samples - samples.mean(), pairs=None)
        )

    def null(self, other: Part, value: float) -> NullResult:
        """Return a null from 19 permutations and the tail of its t distribution."""
        from scipy.special import stdtr, stdtrit

        y = cast("ProcrustesPart", other)
        orders = permutations(self.n, _PROCRUSTES_PERMUTATIONS, self.seed)
        values = np.array([nuclear_norm(self.features[order], y.features) for order in orders])
        count = len(values)
        mean, sd = float(values.mean()), float(values.std(ddof=1))
        spread = sd * np.sqrt(1 + 1 / count)  # the value is one more draw under the null
        p = float(stdtr(count - 1, -(value - mean) / spread)) if spread > 0 else 1.0
        return NullResult(
            mean=mean,
            sd=sd,
            p_value=p,
            threshold=mean + spread * float(stdtrit(count - 1, 0.95)),
        )


_PROCRUSTES_PERMUTATIONS = 19


def _svd(matrix: Float64) -> tuple[Float64, Float64, Float64]:
    import torch

    with single_thread():
        u, s, v = torch.linalg.svd(torch.tensor(matrix), full_matrices=False)
    return u.numpy(), s.numpy(), v.numpy()


def procrustes_part(space: Space) -> ProcrustesPart:
    """Return a space prepared for Procrustes."""
    return ProcrustesPart(n=space.n, seed=space.seed, features=unit_norm(space.features))
