"""Errors and nulls of distance correlation, CKA and information imbalance for all pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from pytest_matalign.engine.distances import (
    DistancePass,
    DistanceSums,
    distance_correlations,
    imbalances,
)
from pytest_matalign.engine.products import cka_matrix
from pytest_matalign.engine.ranks import FlagCounter, in_parallel
from pytest_matalign.statistics.matrix_overlap import MatrixMoments
from pytest_matalign.statistics.nearest import NEAREST_PAST
from pytest_matalign.statistics.permutation import PairSums, permutation_covariance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pytest_matalign.engine.neighbours import Lists
    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64

# First neighbours whose mean rank stands for the edge of a neighbourhood, as in `nearest.py`.
_EDGE = NEAREST_PAST + 1
# Rows of a distance matrix that are ranked in full.
_RANK_ROWS = 256


class MomentPass(DistancePass):
    """The engine's second pass, which also keeps what each sample adds to every pair."""

    whole_rows = True

    def __init__(
        self,
        spaces: Sequence[Space],
        lists: Sequence[Lists],
        *,
        imbalance: bool,
        products: bool,
        rows: int,
        threads: int,
    ) -> None:
        """Prepare the pass; see `DistancePass`. Rows are at most 255, which bytes can count."""
        super().__init__(
            spaces,
            lists,
            k=1 if imbalance else None,
            products=products,
            rows=min(rows, 255),
            threads=threads,
        )
        count, n = len(spaces), spaces[0].n
        self.lists = lists
        shape = (count, count, n) if imbalance else (0, 0, 0)
        self.found = np.zeros(shape, dtype=np.float32)
        """[a, b, i]: rank in b of a's neighbour of i."""
        self.edge = np.zeros(shape, dtype=np.float32)
        """[a, b, i]: mean rank in b of a's first few neighbours of i."""
        self.nearer = np.zeros(shape, dtype=np.uint16 if n < 1 << 16 else np.uint32)
        """[a, b, j]: anchors from which j is nearer in b than a's neighbour."""
        self.row_products = np.zeros((count, count, n) if products else (0, 0, 0), np.float32)
        """[a, b, i]: sum over j of shifted distances."""

    def _ranks(self, squared: torch.Tensor, b: int, start: int, stop: int) -> NDArray[np.float64]:
        sums = super()._ranks(squared, b, start, stop)
        ids = torch.stack([own.nearest[start:stop, :_EDGE] for own in self.lists], dim=1).long()
        rows, count, depth = ids.shape
        thresholds = squared.gather(1, ids.reshape(rows, -1)).reshape(rows, count, depth).numpy()
        values = squared.numpy()
        n = values.shape[1]

        def work(part: range) -> NDArray[np.uint8]:
            nearer = np.zeros((count, n), dtype=np.uint8)
            counter = FlagCounter(count * depth, n, rows=len(part))
            for place, row in enumerate(part):
                np.less(values[row], thresholds[row].reshape(-1, 1), out=counter.flags)
                nearer += counter.flags[::depth].view(np.uint8)
                counter.keep(place)
            placed = counter.totals().reshape(len(part), count, depth) + 1
            kept = slice(start + part.start, start + part.stop)
            self.found[:, b, kept] = placed[:, :, 0].T
            self.edge[:, b, kept] = placed.mean(axis=2).T
            return nearer

        for nearer in in_parallel(work, rows, self.threads):
            self.nearer[:, b] += nearer
        return sums

    def _keep_products(self, stack: torch.Tensor, start: int) -> None:
        by_row = stack.permute(1, 0, 2)
        products = torch.bmm(by_row, by_row.transpose(1, 2))
        stop = start + stack.shape[1]
        self.row_products[:, :, start:stop] = products.permute(1, 2, 0).numpy()


def distance_moments(work: MomentPass, sums: DistanceSums) -> MatrixMoments:
    """Return unbiased distance correlations with errors and their exact null deviation."""
    pilots = torch.stack(work.pilots).double().numpy()
    values = distance_correlations(sums, pilots, unbiased=True)
    return _product_moments(values, work.row_products, sums.margins)


def cka_moments(spaces: Sequence[Space], report: Callable[[str, int, int], None]) -> MatrixMoments:
    """Return unbiased linear CKA with errors and its exact null deviation."""
    count, n = len(spaces), spaces[0].n
    squares = np.zeros((count, count))
    rows = np.zeros((count, count, n), dtype=np.float32)
    lengths = torch.stack([space.squares for space in spaces]).double().numpy()
    for a, first in enumerate(spaces):
        for b in range(a, count):
            cross = torch.zeros((first.width, spaces[b].width), dtype=torch.float64)
            for start, block in first.blocks(8192):
                other = spaces[b].rows(start, start + len(block))
                cross += (block.T @ other).double()
            squares[a, b] = squares[b, a] = float(cross.square().sum())
            single = cross.float()
            for start, block in first.blocks(8192):
                other = spaces[b].rows(start, start + len(block))
                rows[a, b, start : start + len(block)] = ((block @ single) * other).sum(dim=1)
            rows[a, b] -= (lengths[a] * lengths[b]).astype(np.float32)
            rows[b, a] = rows[a, b]
        report("products", a + 1, count)
    # Off the diagonal the rows of a centred kernel sum to minus the squared length.
    return _product_moments(cka_matrix(squares, lengths, unbiased=True), rows, -lengths)


def _product_moments(
    values: Float64, row_products: NDArray[np.float32], margins: Float64
) -> MatrixMoments:
    """Return moments of U-statistics from sums over j of A_ij B_ij and of A_ij.

    Centring is applied to the leading order, which the error of an error does not feel.
    """
    count, _, n = row_products.shape
    centred = np.empty((count, count, n), dtype=np.float32)
    for a in range(count):
        centred[a] = row_products[a] - (margins[a] * margins / (n - 2)).astype(np.float32)
    size = np.array([float(centred[a, a].astype(np.float64).sum()) for a in range(count)])
    error = np.zeros((count, count))
    for a in range(count):
        for b in range(a, count):
            samples = centred[a, b] / np.sqrt(size[a] * size[b]) - values[a, b] / 2 * (
                centred[a, a] / size[a] + centred[b, b] / size[b]
            )
            first = 4.0 * float(samples.astype(np.float64).var()) * n * n / (n - 1)
            # Interactions of pairs: at independence exactly this much, elsewhere negligible.
            twice = 2.0 / (n * (n - 3)) * (1 - min(values[a, b] ** 2, 1.0)) ** 2
            error[a, b] = error[b, a] = np.sqrt(max(first - twice, 0.4 * first))
    null_sd = np.full((count, count), np.sqrt(2.0 / (n * (n - 3))))
    return MatrixMoments(
        value=values, error=error, null_mean=np.zeros((count, count)), null_sd=null_sd
    )


def imbalance_moments(work: MomentPass, sums: DistanceSums) -> MatrixMoments:
    """Return the mean of both imbalances of all pairs with errors.

    The null deviation is that of `nearest.py`, with the sums over all ranks of a space estimated
    from 256 of its rows.
    """
    count, _, n = work.found.shape
    both = imbalances(sums, n, 1)
    values = (both + both.T) / 2
    first_ids = [entry.nearest[:, 0].long().numpy() for entry in work.lists]
    error = np.zeros((count, count))
    for a in range(count):
        for b in range(a, count):
            own = np.zeros(n)
            effects = []
            for x, y in ((a, b), (b, a)):
                effect = (work.found[x, y] - work.edge[x, y]).astype(np.float64)
                effects.append((first_ids[x], effect))
                own += work.found[x, y] + work.nearer[x, y].astype(np.float64)
                own += np.bincount(first_ids[x], weights=effect, minlength=n)
            first = float(((own - own.mean()) ** 2).sum()) * n / (n - 1)
            twice = _shared_effects(*effects)
            error[a, b] = error[b, a] = np.sqrt(max(first - twice, 0.4 * first)) / n**2
    sides = [_rank_sums(s, e) for s, e in zip(work.spaces, work.lists, strict=True)]
    null_sd = np.array([[_null_deviation(x, y, n) for y in sides] for x in sides])
    return MatrixMoments(
        value=values,
        error=error,
        null_mean=np.ones((count, count)),
        null_sd=null_sd,
    )


def _shared_effects(
    x: tuple[NDArray[np.int64], Float64], y: tuple[NDArray[np.int64], Float64]
) -> float:
    """Return the sum over unordered pairs of samples of their squared interaction."""
    anchors = np.arange(len(x[0]))
    total = 0.0
    for ids, effect in (x, y):
        total += float((effect**2).sum())
        for other_ids, other in (x, y):
            back = other_ids[ids] == anchors
            total += float((effect * other[ids])[back].sum())
    same = x[0] == y[0]
    return total + 2.0 * float((x[1] * y[1])[same].sum())


_Sums = tuple[PairSums, PairSums, PairSums]


def _null_deviation(x: _Sums, y: _Sums, n: int) -> float:
    (wx, rx, cx), (wy, ry, cy) = x, y
    variance = permutation_covariance(wx, ry, n) + permutation_covariance(rx, wy, n)
    variance += 2.0 * permutation_covariance(cx, cy, n)
    return float(np.sqrt(max(variance, 0.0))) / n**2


def _rank_sums(space: Space, entry: Lists) -> _Sums:
    """Return sums of neighbour weights, of ranks, and of both (weights first) of one space.

    Each row of either matrix has the same sum as every other, so those margins vanish.
    """
    n = space.n
    neighbour = entry.nearest[:, 0].long().numpy()
    anchors = np.unique(np.linspace(0, n - 1, min(_RANK_ROWS, n)).astype(np.int64))
    rows = space.gather(torch.from_numpy(anchors))
    squared = (
        torch.cat(
            [_to_squared(rows, other, space, first) for first, other in space.column_blocks()],
            dim=1,
        )
        .cpu()
        .numpy()
    )
    squared[np.arange(len(anchors)), anchors] = -np.inf
    ranks = np.empty_like(squared)
    order = np.argsort(squared, axis=1)
    np.put_along_axis(ranks, order, np.arange(n, dtype=np.float32)[None, :], axis=1)
    mean = n / 2  # of ranks 1 to n - 1
    centred = ranks.astype(np.float64) - mean
    centred[np.arange(len(anchors)), anchors] = 0.0
    variance = (n - 1) * (n - 2) / 12 * (n / (n - 2))  # of a uniform rank, (n^2 - n) / 12
    column_means = centred.mean(axis=0)
    # The mean of s rows varies by itself: take that off before squaring up to n rows.
    noise = (variance - column_means.var()) / (len(anchors) - 1)
    columns = float(n) ** 2 * (float((column_means**2).sum()) - n * noise)
    inside = centred[:, anchors]
    turned = float((inside * inside.T).sum()) / max(len(anchors) * (len(anchors) - 1), 1)
    indegree = np.bincount(neighbour, minlength=n).astype(np.float64)
    of_weights = PairSums(
        same=n - n / (n - 1),
        turned=float((neighbour[neighbour] == np.arange(n)).sum()) - n / (n - 1),
        rows=0.0,
        columns=float(((indegree - 1) ** 2).sum()),
        row_column=0.0,
        column_row=0.0,
    )
    of_ranks = PairSums(
        same=n * (n - 1) * variance,
        turned=n * (n - 1) * turned,
        rows=0.0,
        columns=max(columns, 0.0),
        row_column=0.0,
        column_row=0.0,
    )
    place, followers = np.nonzero(neighbour[None, :] == anchors[:, None])
    seen_back = float(centred[place, followers].mean()) if len(place) else 0.0
    of_both = PairSums(
        same=n * (1 - mean),
        turned=n * seen_back,
        rows=0.0,
        columns=n * float(((indegree - 1) * column_means).sum()),
        row_column=0.0,
        column_row=0.0,
    )
    return of_weights, of_ranks, of_both


def _to_squared(rows: torch.Tensor, other: torch.Tensor, space: Space, first: int) -> torch.Tensor:
    # The own squared length is the same along a row and does not matter for ranks.
    return torch.addmm(space.squares[first : first + len(other)], rows, other.T, alpha=-2.0)
