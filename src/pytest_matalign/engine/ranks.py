"""RSA: Spearman's correlation of all pair distances, whose ranks are needed at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from pytest_matalign.engine.influence import Influence
from pytest_matalign.engine.part import Comparison, Part
from pytest_matalign.engine.permutation import SymmetricSums, symmetric_null, symmetric_sums
from pytest_matalign.engine.spaces import as_array
from pytest_matalign.engine.tiles import block_rows, in_blocks
from pytest_matalign.errors import MetricInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_matalign.engine.null import NullResult
    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64

MOST_SAMPLES = 16_384
"""Beyond, the ranks of all pairs of one space take more than 1 GiB."""


class RankPart(Part):
    """Standardised ranks of all pair distances, and the order they came from."""

    def __init__(self, space: Space) -> None:
        self.n = n = space.n
        pairs = pair_distances(space)
        order = np.argsort(pairs)
        ordered = pairs[order]
        ranks = np.empty(len(pairs))
        if (ordered[1:] == ordered[:-1]).any():
            order = np.argsort(pairs, kind="stable")
            places = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
            sizes = np.diff(np.append(places, len(pairs)))
            ranks[order] = np.repeat(places + (sizes + 1) / 2, sizes)
        else:
            ranks[order] = np.arange(1.0, len(pairs) + 1)
        ranks -= (len(pairs) + 1) / 2
        scale = float(np.sqrt(np.einsum("p,p->", ranks, ranks) / len(pairs)))
        if scale == 0:
            raise MetricInputError(
                f"all samples of {space.name} are equally far apart; RSA has nothing to correlate."
            )
        ranks /= scale
        self.ranks: Float64 = ranks
        self.order = order.astype(np.int32)
        self._starts = np.concatenate([[0], np.cumsum(np.arange(n - 1, 0, -1))])
        self._sums: SymmetricSums | None = None

    def compare(self, other: Self) -> Comparison:
        """Return Spearman's correlation and its influences."""
        kernel = self.ranks * other.ranks
        value = float(kernel.mean())
        # Ranks have the same variance whatever the samples, so only the product varies; but a
        # pair also raises the rank of every pair farther apart.
        kernel += _rank_shift(self, other.ranks)
        kernel += _rank_shift(other, self.ranks)
        kernel -= kernel.mean()
        kernel /= len(kernel)
        rows = np.zeros(self.n)
        for row in range(self.n - 1):
            values = kernel[self._starts[row] : self._starts[row + 1]]
            rows[row] += values.sum()
            rows[row + 1 :] += values
        influence = Influence(samples=rows - rows.mean(), pairs=DensePairs(values=kernel))
        return Comparison(value=value, influence=influence)

    def null(self, other: Self, value: float) -> NullResult:
        """Return the exact permutation null and the tail beyond `value`."""
        return symmetric_null(self.sums(), other.sums(), self.n).beyond(value)

    def sums(self) -> SymmetricSums:
        """Return what the null needs of the ranks."""
        if self._sums is None:
            n = self.n
            matrix = torch.zeros((n, n), dtype=torch.float64)
            upper = torch.triu_indices(n, n, 1)
            matrix[upper[0], upper[1]] = torch.from_numpy(self.ranks / np.sqrt(2 * len(self.ranks)))
            matrix += matrix.T.clone()
            self._sums = symmetric_sums(lambda start, stop: matrix[start:stop], n)
        return self._sums


@dataclass(frozen=True, slots=True, kw_only=True)
class DensePairs:
    """Interactions of all pairs i < j, row after row."""

    values: Float64

    def squared(self) -> float:
        """Return the sum over unordered pairs of squared interactions."""
        return float(np.einsum("p,p->", self.values, self.values))

    def __sub__(self, other: DensePairs) -> DensePairs:
        """Return the interactions of a difference."""
        return DensePairs(values=self.values - other.values)

    def __mul__(self, factor: float) -> DensePairs:
        """Return the interactions of a multiple."""
        return DensePairs(values=self.values * factor)


def _rank_shift(x: RankPart, other: Float64) -> Float64:
    pairs = len(other)
    farther: Float64 = np.empty(pairs)
    sorted_values = other[x.order]
    farther[x.order] = sorted_values.sum() - np.cumsum(sorted_values)
    farther *= np.sqrt(12.0) / pairs  # ranks / pairs have variance 1 / 12
    farther -= farther.mean()
    return farther


def pair_distances(space: Space) -> Float64:
    """Return the distances of all pairs i < j, row after row, (n (n - 1) / 2,).

    Raises:
        MetricInputError: More than 16,384 samples.
    """
    n = space.n
    if n > MOST_SAMPLES:
        raise MetricInputError(
            f"{n} samples are too many for RSA, which ranks all pairs at once; use "
            f"{MOST_SAMPLES} samples or fewer, or distance_correlation."
        )
    pairs = np.empty(n * (n - 1) // 2)

    def work(start: int, stop: int) -> None:
        block: NDArray[np.float64] = as_array(space.squared(start, stop))
        place = start * (n - 1) - start * (start - 1) // 2
        for row in range(start, stop):
            count = n - 1 - row
            pairs[place : place + count] = block[row - start, row + 1 :]
            place += count

    for _ in in_blocks(work, n, rows=block_rows(n), device=space.device):
        pass
    return np.sqrt(pairs, out=pairs)
