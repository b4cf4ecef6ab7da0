"""Distance correlation and linear CKA: inner products of centred n x n matrices, in blocks.

Both are one computation: of a function of squared distances, the root for distance correlation
and minus one half for CKA (which centring turns into the inner products), centred doubly or as
Szekely and Rizzo's U-statistic asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from pytest_matalign.engine.influence import Influence
from pytest_matalign.engine.null import NullResult
from pytest_matalign.engine.part import Comparison, Part
from pytest_matalign.engine.permutation import SymmetricSums, symmetric_null, symmetric_sums
from pytest_matalign.engine.spaces import READ_ROWS, as_array
from pytest_matalign.engine.tiles import block_rows, in_blocks
from pytest_matalign.metrics.cka import linear_cka

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.metrics.spec import MetricSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagonalSums:
    """Trace, sum of squares, and sum of squared diagonal of a doubly centred matrix."""

    trace: float
    squares: float
    diagonal_squares: float


class ProductPart(Part):
    """A centred matrix scaled to norm 1; the statistic is the inner product of two.

    Attributes:
        unbiased: Centred with the diagonal left out, or with it.
        rooted: Whether the metric is the root of the inner product.
    """

    def __init__(self, space: Space, spec: MetricSpec) -> None:
        settings = spec.row.settings
        self.space, self.n = space, space.n
        self.linear = spec.row.definition is linear_cka
        self.unbiased = bool(settings.get("unbiased") or settings.get("bias_corrected"))
        self.rooted = not self.linear and not self.unbiased
        self._sums: SymmetricSums | None = None
        self._own: _Sums | None = None
        space.hold()
        self._lengths = space.lengths()
        n, size = self.n, block_rows(self.n)

        def work(start: int, stop: int) -> tuple[torch.Tensor, float]:
            values = self._function(start, stop)
            return values.sum(1).double(), float(values.square().sum())

        blocks = [part for _, part in in_blocks(work, n, rows=size, device=space.device)]
        self._margins = torch.cat([part[0] for part in blocks])
        self._total = float(self._margins.sum())
        squares, crossed = sum(part[1] for part in blocks), float(self._margins.square().sum())
        if self.unbiased:
            size_squared = squares - 2 / (n - 2) * crossed + self._total**2 / ((n - 1) * (n - 2))
        else:
            size_squared = squares - 2 / n * crossed + self._total**2 / n**2
        self.scale = 1.0 / float(np.sqrt(size_squared))

    def rows(self, start: int, stop: int, *, unbiased: bool | None = None) -> torch.Tensor:
        """Return rows start to stop (rows, n) of the matrix."""
        n = self.n
        unbiased = self.unbiased if unbiased is None else unbiased
        over = n - 2 if unbiased else n
        mean = self._total / ((n - 1) * (n - 2) if unbiased else n**2)
        margins = (self._margins / over - mean / 2).to(self.space.dtype)
        values = self._function(start, stop)
        values -= margins
        values -= margins[start:stop, None]
        if unbiased:
            line = torch.arange(stop - start, device=values.device)
            values[line, line + start] = 0.0
        return values.mul_(self.scale)

    def _function(self, start: int, stop: int) -> torch.Tensor:
        squared = self.space.squared(start, stop)
        return squared * -0.5 if self.linear else squared.sqrt()

    def pull(self, start: int, stop: int) -> torch.Tensor | None:
        """Return what pairs (rows, n) say of a common shift of all rows before they are scaled.

        With u one over the lengths before scaling, shifting all rows by t changes a statistic that
        has the derivative C by distances d by -t . sum_ij (2 (u_i - u_j) / d - u_i d) C_ij x_i.
        None where rows were not centred and scaled.
        """
        if self._lengths is None:
            return None
        u = np.divide(1.0, self._lengths, out=np.zeros(self.n), where=self._lengths > 0)
        inverse = torch.from_numpy(u).to(self.space.dtype).to(self.space.device)
        own, squared = inverse[start:stop, None], self.space.squared(start, stop)
        apart = 2.0 * (own - inverse)
        if self.linear:
            return squared * own - apart
        d = squared.sqrt()
        return torch.where(d > 0, apart / d, 0.0) - d * own

    def centring(self, by_row: Float64) -> Float64:
        """Return what a statistic owes to samples by the mean they share, from sums of `pull`."""
        if self._lengths is None:
            return np.zeros(self.n)
        given, origin = torch.from_numpy(by_row), torch.from_numpy(self.space.origin)
        total, along = given.sum() * origin, []
        for start, block in self.space.blocks(READ_ROWS):
            total += block.double().cpu().T @ given[start : start + len(block)]
        for _, block in self.space.blocks(READ_ROWS):
            along.append(block.double().cpu() @ total)
        sums = as_array(torch.cat(along) + origin @ total)
        return np.asarray(-self.scale / self.n * self._lengths * sums)

    def compare(self, other: Self) -> Comparison:
        """Return the value and its influences."""
        return next(self.compare_all([self, other], [(0, 1)]))

    @classmethod
    def compare_all(
        cls, parts: Sequence[Self], pairs: Sequence[tuple[int, int]]
    ) -> Iterator[Comparison]:
        """Yield comparisons of some pairs; each space's rows are made once."""
        fresh = {(a, a) for pair in pairs for a in pair if parts[a]._own is None}
        sums = _sums(parts, sorted(set(pairs) | fresh))
        for a, _ in fresh:
            parts[a]._own = sums[a, a]
        for a, b in pairs:
            x, y = parts[a], parts[b]
            if x._own is not None and y._own is not None:
                yield _comparison(x, y, sums[a, b], x._own, y._own)

    def null(self, other: Self, value: float) -> NullResult:
        """Return the exact permutation null and the tail beyond `value`."""
        null = symmetric_null(self.sums(), other.sums(), self.n)
        if self.unbiased:
            return null.beyond(value)
        mean, sd = _diagonal_moments(self.diagonal(), other.diagonal(), self.n)
        squared = replace(null, mean=mean, sd=sd)
        if not self.rooted:
            return squared.beyond(value)
        tail = squared.beyond(value**2)
        root = float(np.sqrt(mean))
        return NullResult(
            mean=root - sd**2 / (8 * root**3),  # delta method, second order
            sd=sd / (2 * root),
            p_value=tail.p_value,
            threshold=float(np.sqrt(max(tail.threshold, 0.0))),
        )

    def sums(self) -> SymmetricSums:
        """Return what the null needs of the U-centred matrix.

        A biased statistic takes its skewness from there too: it differs in terms of order 1 / n.
        """
        if self._sums is None:
            self._sums = symmetric_sums(
                lambda start, stop: self.rows(start, stop, unbiased=True).double().cpu(), self.n
            )
        return self._sums

    def diagonal(self) -> DiagonalSums:
        """Return what the null of a statistic needs whose diagonal is not 0."""
        diagonal = (self._total / self.n**2 - 2 / self.n * self._margins) * self.scale
        return DiagonalSums(
            trace=float(diagonal.sum()),
            squares=1.0,
            diagonal_squares=float(diagonal.square().sum()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """Sums over j of products A_ij B_ij, and over all i and j of higher products."""

    rows: Float64
    squares: float
    """A^2 B^2"""
    cubes: tuple[float, float]
    """A^3 B and A B^3"""
    pulled: tuple[Float64, Float64]
    """B times `pull` of A's space, and A times that of B's."""


def _sums(
    parts: Sequence[ProductPart], wanted: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], _Sums]:
    n, device = parts[0].n, parts[0].space.device
    used = sorted({index for pair in wanted for index in pair})

    def work(start: int, stop: int) -> list[tuple[list[torch.Tensor], list[float]]]:
        blocks = {a: parts[a].rows(start, stop) for a in used}
        squares = {a: block.square() for a, block in blocks.items()}
        pulls = {a: parts[a].pull(start, stop) for a in used}
        found = []
        for a, b in wanted:
            product = squares[a] if a == b else blocks[a] * blocks[b]
            flat = product.reshape(-1)
            higher = (flat, squares[a].reshape(-1), squares[b].reshape(-1))
            sums = [product.sum(1), _of_rows(blocks[b], pulls[a]), _of_rows(blocks[a], pulls[b])]
            found.append(
                ([s.double().cpu() for s in sums], [float(torch.dot(flat, h)) for h in higher])
            )
        return found

    rows: dict[tuple[int, int], list[list[torch.Tensor]]] = {pair: [] for pair in wanted}
    totals = {pair: np.zeros(3) for pair in wanted}
    # The same blocks for two spaces and for three, so that both give the same bits.
    size = block_rows(n, spaces=max(9, 3 * len(used)))
    for _, found in in_blocks(work, n, rows=size, device=device):
        for pair, (sums, higher) in zip(wanted, found, strict=True):
            rows[pair].append(sums)
            totals[pair] += higher
    result = {}
    for pair in wanted:
        own, *pulled = (as_array(torch.cat(blocks)) for blocks in zip(*rows[pair], strict=True))
        squares, *cubes = (float(total) for total in totals[pair])
        result[pair] = _Sums(
            rows=own,
            squares=squares,
            cubes=(cubes[0], cubes[1]),
            pulled=(pulled[0], pulled[1]),
        )
    return result


def _of_rows(block: torch.Tensor, pull: torch.Tensor | None) -> torch.Tensor:
    return torch.zeros(len(block)) if pull is None else (block * pull).sum(1)


def _comparison(x: ProductPart, y: ProductPart, both: _Sums, xx: _Sums, yy: _Sums) -> Comparison:
    """Return value and influences: a sum over pairs of A B - value / 2 (A^2 + B^2)."""
    ratio = float(both.rows.sum())
    samples = 2.0 * (both.rows - ratio / 2 * (xx.rows + yy.rows))
    squared = both.squares * (1 + ratio**2 / 2) - ratio * (both.cubes[0] + both.cubes[1])
    squared += ratio**2 / 4 * (xx.squares + yy.squares)
    samples += x.centring(both.pulled[0] - ratio * xx.pulled[0])
    samples += y.centring(both.pulled[1] - ratio * yy.pulled[0])
    factor, value = 1.0, ratio
    if x.rooted:
        value = float(np.sqrt(max(ratio, 0.0)))
        factor = 1 / (2 * value) if value > 0 else 1.0
    samples = (samples - samples.mean()) * factor
    pairs = ProductPairs(terms=((factor, ratio, x, y),), known=2.0 * factor**2 * max(squared, 0.0))
    return Comparison(value=value, influence=Influence(samples=samples, pairs=pairs))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPairs:
    """Interactions of all pairs, as the terms they are made of: made when asked for, in blocks.

    Attributes:
        terms: Factor, inner product and the two spaces of each statistic.
        known: Their sum of squares, where it has been added up already.
    """

    terms: tuple[tuple[float, float, ProductPart, ProductPart], ...]
    known: float | None = None

    def __sub__(self, other: ProductPairs) -> ProductPairs:
        """Return the interactions of a difference."""
        negative = tuple((-factor, *rest) for factor, *rest in other.terms)
        return ProductPairs(terms=(*self.terms, *negative))  # type: ignore[arg-type]  # mypy forgets lengths at *rest

    def __mul__(self, factor: float) -> ProductPairs:
        """Return the interactions of a multiple."""
        terms = tuple((factor * own, *rest) for own, *rest in self.terms)
        return ProductPairs(terms=terms)  # type: ignore[arg-type]  # as above

    def squared(self) -> float:
        """Return the sum over unordered pairs of squared interactions."""
        if self.known is not None:
            return self.known
        parts = {id(part): part for term in self.terms for part in term[2:]}
        first = self.terms[0][2]

        def work(start: int, stop: int) -> float:
            blocks = {key: part.rows(start, stop) for key, part in parts.items()}
            total = torch.zeros_like(next(iter(blocks.values())))
            for factor, ratio, x, y in self.terms:
                a, b = blocks[id(x)], blocks[id(y)]
                total += factor * (a * b - ratio / 2 * (a * a + b * b))
            return float(total.square().sum(dtype=torch.float64))

        size = block_rows(first.n, spaces=2 * len(parts))
        device = first.space.device
        return 2.0 * sum(part for _, part in in_blocks(work, first.n, rows=size, device=device))


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
