"""Mutual kNN and CKNNA: everything from neighbour lists, in time and memory of order n k."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np

from pytest_matalign.engine.influence import from_anchors
from pytest_matalign.engine.null import Null, NullResult, sampled_skewness
from pytest_matalign.engine.part import Comparison, Part
from pytest_matalign.engine.permutation import (
    PERMUTATIONS,
    Margins,
    PairSums,
    pair_sums,
    permutation_covariance,
    permutations,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_matalign.engine.neighbours import Lists, Neighbours
    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64

# Ranks on either side of the k-th over which the value at a neighbourhood's edge is averaged; no
# more than k, so that as many lie inside as outside.
EDGE = 5
# Gathered entries beyond which fewer permutations are sampled (spaces with very many ties).
_GATHER_LIMIT = 8_000_000
# Entries of the dense table of some rows in which permuted neighbour pairs are looked up.
_TABLE = 1 << 24


class OverlapPart(Part):
    """A space prepared for mutual kNN (kernel of ones) or CKNNA (kernel minus its row mean)."""

    def __init__(self, space: Space, lists: Lists, *, k: int, kernel: bool, seed: int) -> None:
        self.space, self.seed, self.n = space, seed, space.n
        self.near = near = lists.nearest(k)
        self.kernel = near.values if kernel else None
        self.values = near.values if kernel else np.ones(len(near.keys))
        edge = min(EDGE, k)
        ids, window = lists.window(k - edge, k + edge)
        self.window = ids + np.arange(self.n)[:, None] * self.n
        self.window_values = window if kernel else np.ones(window.shape)
        self.masked = near.weights * self.values
        self.own = near.sums(self.masked**2)
        """sum_j (w v)^2 of each row."""
        # Averaged as with any other space, so that of a space with itself nothing remains.
        self.own_kernel = self.masked**2 - 2.0 * self._at_edge(self)[near.rows] * near.weights
        """Effect of a neighbour on its row's part of `own`."""
        self.own_shift: Float64 = np.zeros(self.n)
        """Effect of a sample on `own` through the row means it enters."""
        if kernel:
            totals = near.sums(near.weights * self.masked)
            self.own_shift = 2.0 / self.n * space.through_kernel(totals)
        self.size = float(self.own.sum())

    def masked_at(self, keys: np.ndarray) -> Float64:
        """Return weight times kernel of pairs i * n + j; 0 where they are no neighbours."""
        place, found = self.near.find(keys)
        return np.where(found, self.masked[place], 0.0)

    def compare(self, other: Self) -> Comparison:
        """Return the value and its influences."""
        x, y, n = self, other, self.n
        scale = float(np.sqrt(x.size * y.size))
        # On x's neighbour pairs: the common part of both masked kernels.
        place, found = y.near.find(x.near.keys)
        common = np.where(found, x.near.weights * y.near.weights[place], 0.0)
        products = common * x.values * y.values[place]
        rows = x.near.sums(products)
        value = float(rows.sum()) / scale

        edge_x, edge_y = x._at_edge(y), y._at_edge(x)
        on_x = products - edge_x[x.near.rows] * x.near.weights
        on_x = on_x / scale - value / 2 * x.own_kernel / x.size
        on_y = -edge_y[y.near.rows] * y.near.weights / scale - value / 2 * y.own_kernel / y.size
        own = rows / scale - value / 2 * (x.own / x.size + y.own / y.size)
        if x.kernel is not None and y.kernel is not None:
            shift = x.space.through_kernel(x.near.sums(common * y.values[place]))
            shift += y.space.through_kernel(x.near.sums(common * x.values))
            own = own - shift / n / scale
            own = own + value / 2 * (x.own_shift / x.size + y.own_shift / y.size)
        keys = np.concatenate([x.near.keys, y.near.keys])
        influence = from_anchors(own, keys, np.concatenate([on_x, on_y]))
        return Comparison(value=value, influence=influence)

    def _at_edge(self, other: OverlapPart) -> Float64:
        """Return what a sample at the edge of each neighbourhood adds to the numerator."""
        means: Float64 = (other.masked_at(self.window) * self.window_values).mean(axis=1)
        return means

    def null(self, other: Self, value: float) -> NullResult:
        """Return the permutation null and the tail beyond `value`."""
        x, y, n = self, other, self.n
        scale = float(np.sqrt(x.size * y.size))
        (rows_x, sums_x), (rows_y, sums_y) = (_moments(side) for side in (x, y))
        mean = rows_x * rows_y / (n * (n - 1))
        sd = float(np.sqrt(max(permutation_covariance(sums_x, sums_y, n), 0.0)))
        # Either space may be the one that is shuffled; the one with fewer pairs is cheaper.
        few, many = (x, y) if len(x.near.keys) <= len(y.near.keys) else (y, x)
        null = Null(
            mean=mean / scale,
            sd=sd / scale,
            skewness=sampled_skewness(_shuffled_sums(few, many), mean, sd),
        )
        return null.beyond(value)


def _moments(side: OverlapPart) -> tuple[float, PairSums]:
    near = side.near
    turned = side.masked_at(near.columns * side.n + near.rows)
    margins = Margins(rows=near.sums(side.masked), columns=near.column_sums(side.masked))
    sums = pair_sums(
        margins,
        margins,
        same=float((side.masked**2).sum()),
        turned=float((side.masked * turned).sum()),
    )
    return float(side.masked.sum()), sums


def _shuffled_sums(few: OverlapPart, many: OverlapPart) -> Float64:
    """Return the numerator under sampled permutations."""
    n = few.n
    mine = few.masked.astype(np.float32)
    count = max(16, min(PERMUTATIONS, _GATHER_LIMIT // max(len(mine), 1)))
    # Half as wide where it suffices: what is gathered is what takes the time.
    kind = np.int32 if (_TABLE + n) < 2**31 and n < 2**15 else np.intp
    orders = permutations(n, PERMUTATIONS, few.seed)[:count].astype(kind)
    few_rows, few_columns = few.near.rows.astype(kind), few.near.columns.astype(kind)
    result = np.zeros(count)
    rows = min(n, max(16, _TABLE // n))
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        part = many.near.between(start, stop)
        table = np.zeros((stop - start) * n, dtype=np.float32)
        table[many.near.keys[part] - start * n] = many.masked[part]
        for index, order in enumerate(orders):
            i, j, weights = order.take(few_rows), few_columns, mine
            if rows < n:
                inside = (i >= start) & (i < stop)
                i, j, weights = i[inside], j[inside], mine[inside]
            keys = (i - start) * n + order.take(j)
            result[index] += np.einsum("e,e->", weights, table.take(keys))
    return result


def overlap_values(sides: Sequence[Neighbours], *, kernel: bool) -> Float64:
    """Return mutual kNN, or CKNNA with `kernel`, of all pairs (M, M) of spaces."""
    masked = [near.weights * near.values if kernel else near.weights for near in sides]
    sums = np.zeros((len(sides), len(sides)))
    for a, near in enumerate(sides):
        for b in range(a, len(sides)):
            place, found = sides[b].find(near.keys)
            sums[a, b] = sums[b, a] = float(
                (masked[a] * np.where(found, masked[b][place], 0)).sum()
            )
    own = np.sqrt(sums.diagonal())
    return np.asarray(sums / np.outer(own, own))
