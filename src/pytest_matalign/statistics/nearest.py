"""Nearest-neighbour metrics between prepared spaces: mutual kNN, CKNNA, information imbalance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from pytest_matalign.metrics.cknna import centred_by_row
from pytest_matalign.metrics.neighbours import mid_ranks, neighbour_weights
from pytest_matalign.statistics.comparison import (
    Comparison,
    NullResult,
    Part,
    lower_null,
    sampled_skewness,
    upper_null,
)
from pytest_matalign.statistics.influence import combine, sparse
from pytest_matalign.statistics.permutation import (
    Null,
    PairSums,
    pair_sums,
    permutation_covariance,
    permutations,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.statistics.comparison import Space

# Ranks on either side of the k-th over which the value at a neighbourhood's edge is averaged.
EDGE = 5
# The same past the nearest neighbours of the imbalance, whose ranks soon grow.
NEAREST_PAST = 3
# Permutations sampled for the skewness alone; mean and variance are exact.
PERMUTATIONS = 128
# Gathered entries beyond which fewer permutations are sampled (spaces with very many ties).
_GATHER_LIMIT = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Neighbour pairs of one space: flat positions i * n + j, their rows and weights."""

    flat: NDArray[np.intp]
    rows: NDArray[np.intp]
    weights: Float64
    window: NDArray[np.intp]
    """Flat positions (n, w) of the pairs about the edge of each neighbourhood."""


def _edges(closeness: Float64, weights: Float64, k: int, *, low: int, past: int = EDGE) -> Edges:
    n = len(closeness)
    values = -closeness
    np.fill_diagonal(values, np.inf)
    last = min(k + past, n - 1)
    nearest = np.sort(np.argpartition(values, last - 1, axis=1)[:, :last], axis=1)
    found = np.take_along_axis(values, nearest, axis=1)
    order = np.argsort(found, axis=1, kind="stable")[:, low:]
    nearest = np.take_along_axis(nearest, order, axis=1)
    flat = np.flatnonzero(weights)
    return Edges(
        flat=flat,
        rows=flat // n,
        weights=weights.ravel()[flat],
        window=nearest + np.arange(n)[:, None] * n,
    )


def _row_sums(edges: Edges, values: Float64, n: int) -> Float64:
    sums: Float64 = np.bincount(edges.rows, weights=values, minlength=n).astype(np.float64)
    return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapPart:
    """A space prepared for mutual kNN (kernel of ones) or CKNNA (kernel minus its row mean)."""

    n: int
    seed: int
    edges: Edges
    weights: NDArray[np.float32]
    kernel: Float64 | None
    edge_values: Float64
    window_values: Float64
    own: Float64
    """sum_j (w v)^2 of each row."""
    own_kernel: Float64
    """Effect of a neighbour on its row's part of `own`, on the edges."""
    own_shift: Float64
    """Effect of a sample on `own` through the row means it enters."""
    size: float
    sums: PairSums
    total: float

    def compare(self, other: Part) -> Comparison:
        """Return the value and its influences."""
        return _compare_overlap(self, cast("OverlapPart", other))

    def null(self, other: Part, value: float) -> NullResult:
        """Return the permutation null and the tail beyond `value`."""
        y = cast("OverlapPart", other)
        scale = float(np.sqrt(self.size * y.size))
        n = self.n
        mean = self.total * y.total / (n * (n - 1))
        sd = float(np.sqrt(max(permutation_covariance(self.sums, y.sums, n), 0.0)))
        # Either space may be the one that is shuffled; the one with fewer pairs is cheaper.
        few, many = (self, y) if len(self.edges.flat) <= len(y.edges.flat) else (y, self)
        samples = few.shuffled_sums(many)
        null = Null(
            mean=mean / scale,
            sd=sd / scale,
            skewness=sampled_skewness(samples, mean, sd),
        )
        return upper_null(null, value)

    def shuffled_sums(self, other: OverlapPart) -> Float64:
        """Return the numerator under sampled permutations."""
        target = other.weights.ravel()
        if other.kernel is not None:
            target = target * other.kernel.astype(np.float32).ravel()
        mine = (self.edges.weights * self.edge_values).astype(np.float32)
        count = max(16, min(PERMUTATIONS, _GATHER_LIMIT // max(len(mine), 1)))
        i, j = self.edges.rows, self.edges.flat - self.edges.rows * self.n
        result = np.empty(count)
        for index, order in enumerate(permutations(self.n, PERMUTATIONS, self.seed)[:count]):
            positions = order[i] * self.n
            positions += order[j]
            result[index] = np.einsum("e,e->", mine, target[positions])
        return result


def overlap_part(space: Space, *, k: int, kernel: bool) -> OverlapPart:
    """Return a space prepared for mutual kNN or, with its kernel, for CKNNA."""
    n = space.n
    gram = space.gram()
    weights = neighbour_weights(gram, k)
    edges = _edges(gram, weights, k, low=max(0, k - EDGE))
    values = centred_by_row(gram) if kernel else None
    if values is None:
        edge_values = np.ones(len(edges.flat))
        window_values = np.ones(edges.window.shape)
    else:
        edge_values = values.ravel()[edges.flat]
        window_values = values.ravel()[edges.window]
    weighted = edges.weights * edge_values
    own = _row_sums(edges, weighted**2, n)
    at_edge = (window_values**2).mean(axis=1)
    shift = np.zeros(n)
    dense = weights if values is None else weights * values
    if values is not None:
        row_totals = _row_sums(edges, edges.weights * weighted, n)
        shift = 2.0 / n * np.einsum("i,ij->j", row_totals, values)
    return OverlapPart(
        n=n,
        seed=space.seed,
        edges=edges,
        weights=weights.astype(np.float32),
        kernel=values,
        edge_values=edge_values,
        window_values=window_values,
        own=own,
        own_kernel=weighted**2 - at_edge[edges.rows] * edges.weights,
        own_shift=shift,
        size=float(own.sum()),
        sums=pair_sums(dense, dense),
        total=float(dense.sum()),
    )


def _compare_overlap(x: OverlapPart, y: OverlapPart) -> Comparison:
    n = x.n
    scale = float(np.sqrt(x.size * y.size))
    # On x's neighbour pairs: the common part of both masked kernels.
    wy = y.weights.ravel()[x.edges.flat].astype(np.float64)
    ly = 1.0 if y.kernel is None else y.kernel.ravel()[x.edges.flat]
    common = x.edges.weights * wy
    products = common * x.edge_values * ly
    rows = _row_sums(x.edges, products, n)
    value = float(rows.sum()) / scale

    edge_x, edge_y = _at_edge(x, y), _at_edge(y, x)
    on_x = products - (edge_x[x.edges.rows]) * x.edges.weights
    on_x = on_x / scale - value / 2 * x.own_kernel / x.size
    on_y = -edge_y[y.edges.rows] * y.edges.weights / scale - value / 2 * y.own_kernel / y.size
    kernel = sparse(n, np.concatenate([x.edges.flat, y.edges.flat]), np.concatenate([on_x, on_y]))
    own = rows / scale - value / 2 * (x.own / x.size + y.own / y.size)
    if x.kernel is not None and y.kernel is not None:
        shift = np.einsum("i,ij->j", _row_sums(x.edges, common * ly, n), x.kernel)
        shift += np.einsum("i,ij->j", _row_sums(x.edges, common * x.edge_values, n), y.kernel)
        own = own - shift / n / scale + value / 2 * (x.own_shift / x.size + y.own_shift / y.size)
    return Comparison(value=value, influence=combine(own, kernel))


def _at_edge(x: OverlapPart, y: OverlapPart) -> Float64:
    """Return what a sample at the edge of each of x's neighbourhoods adds to the numerator."""
    values: Float64 = y.weights.ravel()[x.edges.window] * x.window_values
    if y.kernel is not None:
        values = values * y.kernel.ravel()[x.edges.window]
    means: Float64 = values.mean(axis=1)
    return means


@dataclass(frozen=True, slots=True, kw_only=True)
class ImbalancePart:
    """A space prepared for information imbalance: nearest neighbours, and ranks of all."""

    n: int
    k: int
    seed: int
    edges: Edges
    ranks: NDArray[np.float32]
    weight_sums: PairSums
    rank_sums: PairSums
    cross_sums: PairSums

    def compare(self, other: Part) -> Comparison:
        """Return the mean of both directions, both directions, and the influences."""
        y = cast("ImbalancePart", other)
        scale = 1.0 / (self.n * self.n * self.k)  # half of 2 / (n^2 k): a mean of two directions
        forward, own, kernel = _direction(self, y)
        backward, own_back, kernel_back = _direction(y, self)
        return Comparison(
            value=(forward + backward) * scale,
            directions=(2 * forward * scale, 2 * backward * scale),
            influence=combine((own + own_back) * scale, (kernel + kernel_back) * scale),
        )

    def null(self, other: Part, value: float) -> NullResult:
        """Return the permutation null and the tail below `value`."""
        y = cast("ImbalancePart", other)
        n, scale = self.n, 1.0 / (self.n * self.n * self.k)
        variance = (
            permutation_covariance(self.weight_sums, y.rank_sums, n)
            + permutation_covariance(self.rank_sums, y.weight_sums, n)
            + 2 * permutation_covariance(self.cross_sums, _turn(y.cross_sums), n)
        )
        sd = float(np.sqrt(max(variance, 0.0))) * scale
        samples = np.array(
            [
                _shuffled(self, y, order) + _shuffled(y, self, np.argsort(order))
                for order in permutations(n, PERMUTATIONS, self.seed)[: self._sampled(y)]
            ]
        )
        skewness = sampled_skewness(samples * scale, 1.0, sd)
        return lower_null(Null(mean=1.0, sd=sd, skewness=skewness), value)

    def _sampled(self, other: ImbalancePart) -> int:
        pairs = len(self.edges.flat) + len(other.edges.flat)
        return max(16, min(PERMUTATIONS, _GATHER_LIMIT // pairs))


def _turn(s: PairSums) -> PairSums:
    # The sums of (A2, A1) from those of (A1, A2).
    return PairSums(
        same=s.same,
        turned=s.turned,
        rows=s.rows,
        columns=s.columns,
        row_column=s.column_row,
        column_row=s.row_column,
    )


def _shuffled(x: ImbalancePart, y: ImbalancePart, order: NDArray[np.intp]) -> float:
    i, j = x.edges.rows, x.edges.flat - x.edges.rows * x.n
    found = y.ranks.ravel()[order[i] * x.n + order[j]]
    return float(np.einsum("e,e->", x.edges.weights, found.astype(np.float64)))


def imbalance_part(space: Space, *, k: int) -> ImbalancePart:
    """Return a space prepared for information imbalance."""
    d = space.distances()
    weights = neighbour_weights(-d, k)
    ranks = mid_ranks(d)
    return ImbalancePart(
        n=space.n,
        k=k,
        seed=space.seed,
        edges=_edges(-d, weights, k, low=0, past=NEAREST_PAST),
        ranks=ranks.astype(np.float32),
        weight_sums=pair_sums(weights, weights),
        rank_sums=pair_sums(ranks, ranks),
        cross_sums=pair_sums(weights, ranks),
    )


def _direction(x: ImbalancePart, y: ImbalancePart) -> tuple[float, Float64, csr_array]:
    """Return the sum of y's ranks of x's neighbours, and what it owes to each sample."""
    n = x.n
    found = y.ranks.ravel()[x.edges.flat].astype(np.float64)
    rows = _row_sums(x.edges, x.edges.weights * found, n)
    at_edge = y.ranks.ravel()[x.edges.window].mean(axis=1, dtype=np.float64)
    kernel = sparse(n, x.edges.flat, x.edges.weights * (found - at_edge[x.edges.rows]))
    # A sample nearer in y than the neighbour found raises that neighbour's rank by one.
    own = rows.copy()
    first = x.edges.window[:, : x.k]
    for place in range(first.shape[1]):
        rank = y.ranks.ravel()[first[:, place]]
        nearer = y.ranks < rank[:, None]
        own += np.count_nonzero(nearer, axis=0) - nearer.diagonal()
    return float(rows.sum()), own, kernel
