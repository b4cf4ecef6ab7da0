"""The pass over all distance matrices: values of distance correlation and information imbalance.

Row blocks of every space's distances are made once and serve both: neighbours of every other
space are ranked in them (bit for bit the same numbers on both sides of each comparison), and the
stack of all spaces gives every pair's product sum in one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pytest_matalign.engine.spaces import as_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pytest_matalign.engine.neighbours import Neighbours
    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64

_PILOT = 256
_CHUNK = 1 << 16
# Thresholds per row up to which they are counted one by one; more are looked up in sorted rows.
_FEW = 3


@dataclass(slots=True, kw_only=True)
class DistanceSums:
    """What the pass adds up; everything needed to go on from `row`."""

    row: int  # First row not yet in the sums
    ranks: Float64  # [a, b], sum over samples of the rank in b of a's nearest neighbours
    products: Float64  # [a, b], sum over ordered pairs i != j of shifted distances
    margins: Float64  # [a, i], sum over j != i of shifted distances

    @classmethod
    def empty(cls, count: int, n: int) -> DistanceSums:
        """Return sums before any row."""
        return cls(
            row=0,
            ranks=np.zeros((count, count)),
            products=np.zeros((count, count)),
            margins=np.zeros((count, n)),
        )

    def arrays(self) -> dict[str, object]:
        """Return what a checkpoint keeps."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_arrays(cls, stored: Mapping[str, NDArray[Any]]) -> DistanceSums:
        """Return sums from what a checkpoint kept."""
        return cls(
            row=int(stored["row"]),
            ranks=stored["ranks"],
            products=stored["products"],
            margins=stored["margins"],
        )

    def add(self, stop: int, block: DistanceBlock) -> None:
        """Add the block of rows from `row` to `stop`."""
        self.ranks += block.ranks
        self.products += block.products
        # Without products a block has no margins.
        for margins, rows, columns in zip(self.margins, block.rows, block.columns, strict=False):
            margins[self.row : stop] += rows
            margins[stop:] += columns  # the matrices are symmetric, the block begins at its rows
        self.row = stop


@dataclass(frozen=True, slots=True, kw_only=True)
class DistanceBlock:
    """Sums over one block of rows; margins of its rows, and of the columns beyond them."""

    ranks: Float64
    products: Float64
    rows: list[Float64]
    columns: list[Float64]


class DistancePass:
    """Goes through all spaces' distance matrices, some rows at a time."""

    def __init__(
        self,
        spaces: Sequence[Space],
        neighbours: Sequence[Neighbours] | None = None,
        *,
        products: bool,
    ) -> None:
        """Prepare the pass.

        Args:
            spaces: The embeddings.
            neighbours: Their nearest, for the imbalance.
            products: Whether to sum products for distance correlation.
        """
        self.spaces, self.neighbours = spaces, neighbours
        self.device, self.n = spaces[0].device, spaces[0].n
        self.pilots = [_pilot(space) for space in spaces] if products else []

    def block(self, start: int, stop: int) -> DistanceBlock:
        """Return the sums over rows start to stop; the same whatever else is going on."""
        count = len(self.spaces)
        ranks = np.zeros((count, count))
        stack: list[torch.Tensor] = []
        for b, space in enumerate(self.spaces):
            distances = space.distances(start, stop)
            if self.neighbours is not None:
                ranks[:, b] = self._ranks(distances, start, stop)
            if self.pilots:
                stack.append(self._shifted(distances, b, start))
        width = stop - start
        products = np.zeros((count, count))
        if stack:
            inside = _inner([block[:, :width] for block in stack])
            beyond = _inner([block[:, width:] for block in stack])
            products = as_array(inside + 2.0 * beyond)
        return DistanceBlock(
            ranks=ranks,
            products=products,
            rows=[as_array(block.sum(1, dtype=torch.float64)) for block in stack],
            columns=[as_array(block[:, width:].sum(0, dtype=torch.float64)) for block in stack],
        )

    def correlations(self, sums: DistanceSums, *, unbiased: bool) -> Float64:
        """Return distance correlations (M, M) of all pairs from the sums.

        Args:
            sums: Over all rows; shifted distances are a_ij - pilot_i - pilot_j off the diagonal.
            unbiased: The U-statistic or the V-statistic, both on the squared scale.
        """
        n, margins, products = self.n, sums.margins, sums.products
        if not unbiased:
            # The shift of the diagonal, -2 pilot_i, makes it the same shift everywhere, which
            # double centring takes off.
            pilots = as_array(torch.stack(self.pilots).double())
            margins = margins - 2.0 * pilots
            products = products + 4.0 * pilots @ pilots.T
        totals = margins.sum(axis=1)
        crossed = margins @ margins.T
        if unbiased:
            covariance = products - 2.0 / (n - 2) * crossed
            covariance += np.outer(totals, totals) / ((n - 1) * (n - 2))
        else:
            covariance = products - 2.0 / n * crossed + np.outer(totals, totals) / n**2
        return _ratios(covariance)

    def _shifted(self, distances: torch.Tensor, b: int, start: int) -> torch.Tensor:
        """Return shifted distances (rows, n - start): the columns from the block's rows on."""
        pilot = self.pilots[b]
        distances = distances[:, start:] - pilot[start:]
        distances -= pilot[start : start + len(distances), None]
        line = torch.arange(len(distances), device=self.device)
        distances[line, line] = 0.0
        return distances

    def _ranks(self, distances: torch.Tensor, start: int, stop: int) -> Float64:
        """Return, for every space a, the sum of ranks in this block of b of a's neighbours."""
        sides = [_padded(near, start, stop) for near in self.neighbours or ()]
        ids = torch.from_numpy(np.concatenate([side[0] for side in sides], axis=1))
        thresholds = distances.gather(1, ids.to(self.device))
        line = torch.arange(stop - start, device=self.device)
        if thresholds.shape[1] <= _FEW:
            twice = torch.empty(thresholds.shape, dtype=torch.int64, device=self.device)
            for column in range(thresholds.shape[1]):
                at = thresholds[:, column, None]
                # The sample itself, at distance 0, counts among those less or equal.
                own = 2 * (at[:, 0] > 0).long() + (at[:, 0] == 0).long()
                less, no_more = torch.count_nonzero(distances < at, 1), _count_up_to(distances, at)
                twice[:, column] = less + no_more + 1 - own
        else:
            values = distances.clone()
            values[line, line + start] = -torch.inf
            ordered = _sorted(values)
            twice = torch.searchsorted(ordered, thresholds, right=False)
            twice += torch.searchsorted(ordered, thresholds, right=True)
            twice -= 1
        ranks = as_array(twice).astype(np.float64) / 2
        sums, place = np.empty(len(sides)), 0
        for a, (padded, weights) in enumerate(sides):
            sums[a] = (ranks[:, place : place + padded.shape[1]] * weights).sum()
            place += padded.shape[1]
        return sums


def _count_up_to(values: torch.Tensor, bound: torch.Tensor) -> torch.Tensor:
    return torch.count_nonzero(values <= bound, 1)


def _sorted(values: torch.Tensor) -> torch.Tensor:
    if values.device.type != "cpu":
        return torch.sort(values, dim=1).values
    array = values.numpy()
    array.sort(axis=1)  # numpy's sorts ten times as fast as torch's
    return values


def _padded(near: Neighbours, start: int, stop: int) -> tuple[NDArray[np.int64], Float64]:
    """Return ids and weights (rows, t) of some samples' neighbours, filled up with weight 0."""
    part = near.between(start, stop)
    rows = near.rows[part] - start
    counts = np.bincount(rows, minlength=stop - start)
    firsts = np.cumsum(counts) - counts
    places = np.arange(len(rows)) - firsts[rows]
    ids = np.zeros((stop - start, counts.max()), dtype=np.int64)
    weights = np.zeros(ids.shape)
    ids[rows, places], weights[rows, places] = near.columns[part], near.weights[part]
    return ids, weights


def _pilot(space: Space) -> torch.Tensor:
    """Return (n,) near half the mean distances, so that shifted distances are small."""
    n = space.n
    step = max(1, n // _PILOT)
    sample = space.gather(torch.arange(0, n, step)[:_PILOT])
    means = torch.empty(n, dtype=space.dtype, device=space.device)
    for start, block in space.blocks(4096):
        means[start : start + len(block)] = torch.cdist(block, sample).mean(dim=1)
    return means - means.mean() / 2


def _inner(stack: list[torch.Tensor]) -> torch.Tensor:
    """Return products (M, M) of spaces over blocks (rows, columns), added up in float64."""
    rows, columns = stack[0].shape
    total = torch.zeros((len(stack), len(stack)), dtype=torch.float64, device=stack[0].device)
    if columns == 0:
        return total
    step = max(1, _CHUNK // columns)
    for start in range(0, rows, step):
        part = torch.stack([block[start : start + step].reshape(-1) for block in stack])
        total += (part @ part.T).double()
    return total


def imbalances(sums: DistanceSums, n: int, k: int) -> Float64:
    """Return [a, b] the imbalance from a to b; the diagonal is that of a space with itself."""
    return 2.0 * sums.ranks / (n * n * k)


def _ratios(covariance: Float64) -> Float64:
    own = covariance.diagonal()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(covariance / np.sqrt(np.where(own > 0, own, np.nan)[:, None] * own))
