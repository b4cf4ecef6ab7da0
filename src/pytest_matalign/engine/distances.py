"""Second pass of the all-pairs engine: information imbalance and distance correlation.

Row blocks of every space's distance matrix are made once and serve both: ranks of every other
space's neighbours are counted in them (bit for bit the same numbers on both sides of each
comparison), and the stack of all spaces gives every pair's product sum in one matrix product.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pytest_matalign.engine.neighbours import Lists, weights_for
from pytest_matalign.engine.ranks import count_on_cpu, count_on_device

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64

_PILOT = 256
_CHUNK = 1 << 16


@dataclass(slots=True, kw_only=True)
class DistanceSums:
    """What the second pass adds up; everything needed to go on from `row`."""

    row: int
    ranks: NDArray[np.float64]
    """[a, b]: sum over samples of the rank in b of a's nearest neighbours."""
    products: NDArray[np.float64]
    """[a, b]: sum over ordered pairs i != j of shifted distances."""
    margins: NDArray[np.float64]
    """[a, i]: sum over j != i of shifted distances."""

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
        return {
            "row": self.row,
            "ranks": self.ranks,
            "products": self.products,
            "margins": self.margins,
        }

    @classmethod
    def from_arrays(cls, stored: Mapping[str, NDArray[Any]]) -> DistanceSums:
        """Return sums from what a checkpoint kept."""
        return cls(
            row=int(stored["row"]),
            ranks=stored["ranks"],
            products=stored["products"],
            margins=stored["margins"],
        )


class DistancePass:
    """Goes through all spaces' distance matrices, some rows at a time."""

    whole_rows = False
    """Whether `_keep_products` needs all columns of a block, not those from the diagonal on."""

    def __init__(
        self,
        spaces: Sequence[Space],
        lists: Sequence[Lists],
        *,
        k: int | None,
        products: bool,
        rows: int,
        threads: int,
    ) -> None:
        """Prepare the pass.

        Args:
            spaces: The embeddings.
            lists: Their neighbour lists, for the imbalance.
            k: Neighbours for the imbalance; None leaves it out.
            products: Whether to sum products for distance correlation.
            rows: Rows in a block; memory is 4 bytes times rows times n times spaces.
            threads: Threads counting ranks on the CPU.
        """
        self.spaces, self.rows, self.products, self.threads = spaces, rows, products, threads
        self.device = spaces[0].device
        self.pilots = [_pilot(space) for space in spaces] if products else []
        self.neighbours: list[_Nearest] = []
        self.tied = [entry.tied for entry in lists]
        if k is not None:
            self.neighbours = [_nearest(entry, k) for entry in lists]

    def advance(self, sums: DistanceSums) -> None:
        """Add the next block of rows."""
        start = sums.row
        stop = min(start + self.rows, self.spaces[0].n)
        n, count = self.spaces[0].n, len(self.spaces)
        stack = None
        if self.products:
            stack = torch.empty((count, stop - start, n - self.first_column(start)))
            stack = stack.to(self.device)
        for b, space in enumerate(self.spaces):
            squared = _squared_rows(space, start, stop)
            own = (torch.arange(stop - start), torch.arange(start, stop))
            if self.neighbours:
                squared[own] = torch.inf
                sums.ranks[:, b] += self._ranks(squared, b, start, stop)
            if stack is not None:
                self._shift(squared, b, start, stack[b])
                self._add_margins(stack[b], sums.margins[b], start)
        if stack is not None:
            self._keep_products(stack, start)
            stack = stack[:, :, start - self.first_column(start) :]
            inside = _syrk(stack[:, :, : stop - start])
            beyond = _syrk(stack[:, :, stop - start :])
            sums.products += (inside + 2.0 * beyond).cpu().numpy()
        sums.row = stop

    def _shift(self, squared: torch.Tensor, b: int, start: int, out: torch.Tensor) -> None:
        """Write shifted distances (rows, columns) of the needed columns of a block; uses it up."""
        first, stop = self.first_column(start), start + len(squared)
        pilot = self.pilots[b]
        distances = squared[:, first:].clamp_(min=0.0).sqrt_()
        torch.sub(distances, pilot[first:], out=out)
        out.sub_(pilot[start:stop, None])
        own = torch.arange(stop - start)
        out[own, own + (start - first)] = 0.0

    def _add_margins(self, shifted: torch.Tensor, margins: Float64, start: int) -> None:
        """Add a block's sums over rows, and those over columns in place of rows left out."""
        rows = len(shifted)
        margins[start : start + rows] += shifted.sum(dim=1).double().cpu().numpy()
        if not self.whole_rows:
            margins[start + rows :] += shifted[:, rows:].sum(dim=0).double().cpu().numpy()

    def first_column(self, start: int) -> int:
        """Return the first column of the blocks from row `start` on that is needed."""
        return 0 if self.whole_rows else start  # the matrices are symmetric

    def _keep_products(self, stack: torch.Tensor, start: int) -> None:
        """Do more with shifted distances (M, rows, columns); nothing here."""

    def _ranks(self, squared: torch.Tensor, b: int, start: int, stop: int) -> NDArray[np.float64]:
        """Return, for every space a, the sum of ranks in this block of b of a's neighbours."""
        ids = torch.stack([own.ids[start:stop] for own in self.neighbours], dim=1)
        shares = torch.stack([own.shares[start:stop] for own in self.neighbours], dim=1)
        rows, count, width = ids.shape
        thresholds = squared.gather(1, ids.reshape(rows, -1).long().to(squared.device))
        if squared.device.type == "cpu":
            tied = self.tied[b][start:stop]
            ranks = count_on_cpu(squared.numpy(), thresholds.numpy(), tied, threads=self.threads)
        else:
            ranks = count_on_device(squared, thresholds, tied=bool(self.tied[b].any()))
        weighted = ranks.reshape(rows, count, width) * shares.double().numpy()
        sums = np.asarray(weighted.sum(axis=(0, 2)))
        for a, own in enumerate(self.neighbours):
            sums[a] += self._further_ranks(squared, own, start, stop)
        return sums

    @staticmethod
    def _further_ranks(squared: torch.Tensor, own: _Nearest, start: int, stop: int) -> float:
        """Return what neighbours tied for the last place add to the ranks of the first k."""
        first, last = np.searchsorted(own.further_rows, [start, stop])
        total = 0.0
        for entry in range(int(first), int(last)):
            values = squared[int(own.further_rows[entry]) - start]
            threshold = values[int(own.further_ids[entry])]
            less, equal = int((values < threshold).sum()), int((values == threshold).sum())
            total += float(own.further_shares[entry]) * (less + (equal + 1) / 2)
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class _Nearest:
    """Ids and shares (n, k) of the k nearest, and those of samples tied for the last place."""

    ids: torch.Tensor
    shares: torch.Tensor
    further_rows: NDArray[np.int64]
    further_ids: NDArray[np.int32]
    further_shares: NDArray[np.float32]


def _nearest(entry: Lists, k: int) -> _Nearest:
    """Return the k nearest by distance; shares sum to k in every row."""
    shares = weights_for(entry.closeness, k)
    shares *= k / shares.sum(dim=1, keepdim=True)  # ties beyond the list are cut off
    beyond = shares[:, k:].numpy()
    rows, columns = np.nonzero(beyond)
    return _Nearest(
        ids=entry.nearest[:, :k],
        shares=shares[:, :k],
        further_rows=rows,
        further_ids=entry.nearest[:, k:].numpy()[rows, columns],
        further_shares=beyond[rows, columns],
    )


def _pilot(space: Space) -> torch.Tensor:
    """Return float32 (n,) near half the mean distances, so that shifted distances are small."""
    n = space.n
    step = max(1, n // _PILOT)
    sample = space.gather(torch.arange(0, n, step)[:_PILOT])
    means = torch.empty(n, device=space.device)
    for start, block in space.blocks(4096):
        gaps = torch.cdist(block, sample)
        means[start : start + len(block)] = gaps.mean(dim=1)
    return means - means.mean() / 2


def _squared_rows(space: Space, start: int, stop: int) -> torch.Tensor:
    """Return squared distances (stop - start, n) of some rows to all samples, unclamped."""
    block = space.rows(start, stop)
    result = torch.empty((stop - start, space.n), device=space.device)
    for first, other in space.column_blocks():
        last = first + len(other)
        torch.addmm(
            space.squares[first:last], block, other.T, alpha=-2.0, out=result[:, first:last]
        )
    result += space.squares[start:stop, None]
    return result


def _syrk(stack: torch.Tensor) -> torch.Tensor:
    """Return products (M, M) of spaces over a block (M, rows, columns), added up in float64."""
    count, rows, columns = stack.shape
    total = torch.zeros((count, count), dtype=torch.float64, device=stack.device)
    if columns == 0:
        return total
    step = max(1, _CHUNK // columns)
    for start in range(0, rows, step):
        part = stack[:, start : start + step].reshape(count, -1)
        total += (part @ part.T).double()
    return total


def imbalances(sums: DistanceSums, n: int, k: int) -> NDArray[np.float64]:
    """Return [a, b] the imbalance from a to b; the diagonal is that of a space with itself."""
    return 2.0 * sums.ranks / (n * n * k)


def distance_correlations(
    sums: DistanceSums, pilots: NDArray[np.float64], *, unbiased: bool
) -> NDArray[np.float64]:
    """Return distance correlations (M, M) of all pairs from the sums.

    Args:
        sums: Over all rows; shifted distances are a_ij - pilot_i - pilot_j off the diagonal.
        pilots: (M, n).
        unbiased: The U-statistic on the squared scale, or the root of the V-statistic.
    """
    n = sums.margins.shape[1]
    if unbiased:
        margins, products = sums.margins, sums.products
    else:
        # The shift of the diagonal, -2 pilot_i, makes it the same shift everywhere, which
        # double centring takes off.
        margins = sums.margins - 2.0 * pilots
        products = sums.products + 4.0 * pilots @ pilots.T
    totals = margins.sum(axis=1)
    crossed = margins @ margins.T
    if unbiased:
        covariance = products - 2.0 / (n - 2) * crossed
        covariance += np.outer(totals, totals) / ((n - 1) * (n - 2))
    else:
        covariance = products - 2.0 / n * crossed + np.outer(totals, totals) / n**2
    own = covariance.diagonal()
    ratio = covariance / np.sqrt(np.outer(own, own))
    return np.asarray(ratio if unbiased else np.sqrt(np.maximum(ratio, 0.0)))


def block_rows(count: int, n: int, memory: int) -> int:
    """Return how many rows of all spaces fit into `memory` bytes, 16 to 512."""
    return int(min(512, max(16, memory // (4 * count * n)), math.ceil(n / 2)))
