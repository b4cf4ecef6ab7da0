"""Information imbalance: ranks of one space's neighbours among another's distances.

Rows of a distance matrix are made and ranked once for all that is asked of them: the neighbours
of every other space, what lies at the edge of their neighbourhoods, and who is nearer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np

from pytest_matalign.engine.influence import from_anchors, samples_of_anchors
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
from pytest_matalign.engine.spaces import HELD, as_array
from pytest_matalign.engine.tiles import block_rows, in_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from pytest_matalign.engine.neighbours import Lists
    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64

T = TypeVar("T")

# Ranks past the nearest neighbours whose mean stands for the edge of a neighbourhood; few, as
# ranks soon grow.
PAST = 3
# Gathered entries beyond which fewer permutations are sampled (spaces with very many ties).
_GATHER_LIMIT = 8_000_000
# Gathered entries that are held at once.
_TOGETHER = 1 << 17
# Rows that are ranked where all n would be needed against all n at once.
_SOME_ROWS = 1024


class ImbalancePart(Part):
    """A space prepared for information imbalance: nearest neighbours, and ranks of all."""

    def __init__(self, space: Space, lists: Lists, *, k: int, seed: int) -> None:
        self.space, self.k, self.seed, self.n = space, k, seed, space.n
        self.near = lists.nearest(k)
        self.window, _ = lists.window(0, k + PAST)
        self._ranks: NDArray[np.float32] | None = None
        self._moments: tuple[PairSums, PairSums, PairSums] | None = None
        if self.n <= HELD:
            self._ranks = np.concatenate([block for _, block in self._in_blocks(self.ranks)])

    def ranks(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return ranks (rows, n) of all samples by distance from some: 1 is nearest, ties share."""
        if self._ranks is not None:
            return self._ranks[start:stop]
        values = as_array(self.space.distances(start, stop))
        line = np.arange(stop - start)
        values[line, line + start] = -np.inf
        order = np.argsort(values, axis=1)
        ranks = np.empty(values.shape, dtype=np.float32)
        np.put_along_axis(ranks, order, np.arange(self.n, dtype=np.float32)[None, :], axis=1)
        ordered = np.take_along_axis(values, order, axis=1)
        tied = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
        if len(tied):
            from scipy.stats import rankdata

            ranks[tied] = rankdata(values[tied], method="average", axis=1) - 1.0
        return ranks

    def _in_blocks(self, work: Callable[[int, int], T]) -> Iterator[tuple[int, T]]:
        return in_blocks(work, self.n, rows=block_rows(self.n), device=self.space.device)

    def compare(self, other: Self) -> Comparison:
        """Return the mean of both directions, both directions, and the influences."""
        return next(self.compare_all([self, other], [(0, 1)]))

    @classmethod
    def compare_all(
        cls, parts: Sequence[Self], pairs: Sequence[tuple[int, int]]
    ) -> Iterator[Comparison]:
        """Yield comparisons of some pairs; each space's distances are ranked once."""
        wanted = sorted({pair for a, b in pairs for pair in ((a, b), (b, a))})
        found = _ways(parts, wanted)
        n, k = parts[0].n, parts[0].k
        scale = 1.0 / (n * n * k)  # half of 2 / (n^2 k): a mean of two directions
        for a, b in pairs:
            ways = (found[a, b], found[b, a])
            keys = np.concatenate([parts[a].near.keys, parts[b].near.keys])
            effects = np.concatenate([way.effects for way in ways]) * scale
            own = (ways[0].own + ways[1].own) * scale
            yield Comparison(
                value=(ways[0].total + ways[1].total) * scale,
                directions=(2 * ways[0].total * scale, 2 * ways[1].total * scale),
                influence=from_anchors(own, keys, effects),
                by_direction=(
                    ways[0].influence(parts[a], 2 * scale),
                    ways[1].influence(parts[b], 2 * scale),
                ),
            )

    def null(self, other: Self, value: float) -> NullResult:
        """Return the permutation null and the tail below `value`.

        The skewness is sampled up to 2,048 samples and left out beyond, where it is small.
        """
        n, scale = self.n, 1.0 / (self.n * self.n * self.k)
        (weights, ranks, both), (weights_y, ranks_y, both_y) = self.moments(), other.moments()
        variance = (
            permutation_covariance(weights, ranks_y, n)
            + permutation_covariance(ranks, weights_y, n)
            + 2 * permutation_covariance(both, _turn(both_y), n)
        )
        sd = float(np.sqrt(max(variance, 0.0))) * scale
        skewness = 0.0
        if self._ranks is not None and other._ranks is not None:
            count = len(self.near.keys) + len(other.near.keys)
            count = max(16, min(PERMUTATIONS, _GATHER_LIMIT // count))
            orders = permutations(n, PERMUTATIONS, self.seed)[:count]
            samples = _shuffled(self, other._ranks, orders)
            samples += _shuffled(other, self._ranks, np.argsort(orders, axis=1))
            skewness = sampled_skewness(samples * scale, 1.0, sd)
        return Null(mean=1.0, sd=sd, skewness=skewness).beyond(value, higher=False)

    def moments(self) -> tuple[PairSums, PairSums, PairSums]:
        """Return sums of neighbour weights, of ranks, and of both together.

        Above 2,048 samples those of pairs with their opposites are estimated from 1,024 rows.
        """
        if self._moments is None:
            self._moments = _moments(self)
        return self._moments


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """Ranks in one space of the neighbours in another, and what they owe to each sample."""

    total: float
    own: Float64
    effects: Float64
    """For each neighbour pair."""

    def influence(self, part: ImbalancePart, scale: float) -> Float64:
        return samples_of_anchors(self.own * scale, part.near.columns, self.effects * scale)


def _ways(
    parts: Sequence[ImbalancePart], wanted: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], _Way]:
    n = parts[0].n
    found = {pair: np.empty(len(parts[pair[0]].near.keys)) for pair in wanted}
    edge = {pair: np.empty(n) for pair in wanted}
    own = {pair: np.zeros(n) for pair in wanted}
    for b in sorted({b for _, b in wanted}):
        neighbours_of = [a for a, other in wanted if other == b]

        def work(
            start: int, stop: int, b: int = b, who: list[int] = neighbours_of
        ) -> list[Float64]:
            ranks = parts[b].ranks(start, stop)
            line = np.arange(stop - start)
            nearer_of = []
            for a in who:
                near, window = parts[a].near, parts[a].window[start:stop]
                part = near.between(start, stop)
                found[a, b][part] = ranks[near.rows[part] - start, near.columns[part]]
                about = ranks[line[:, None], window]
                # Who is taken out leaves its rank to the next: ranks in a's own order less the
                # places they have there, so that nothing remains of a space with itself.
                beyond = about.mean(axis=1, dtype=np.float64) - (about.shape[1] + 1) / 2
                edge[a, b][start:stop] = beyond + near.k
                # A sample nearer in b than the neighbour found raises that neighbour's rank.
                count = np.zeros(n)
                for place in range(near.k):
                    nearer = ranks < about[:, place, None]
                    count += np.count_nonzero(nearer, axis=0)
                    count[start:stop] -= nearer[line, line + start]
                nearer_of.append(count)
            return nearer_of

        rows = block_rows(n)
        for _, counts in in_blocks(work, n, rows=rows, device=parts[b].space.device):
            for a, count in zip(neighbours_of, counts, strict=True):
                own[a, b] += count
    result = {}
    for a, b in wanted:
        near = parts[a].near
        rows_found = near.sums(near.weights * found[a, b])
        result[a, b] = _Way(
            total=float(rows_found.sum()),
            own=rows_found + own[a, b],
            effects=near.weights * (found[a, b] - edge[a, b][near.rows]),
        )
    return result


def _shuffled(part: ImbalancePart, ranks: NDArray[np.float32], orders: NDArray[np.intp]) -> Float64:
    """Return the weighted ranks (count,) of a space's neighbours, by order of the other's rows."""
    near, flat = part.near, ranks.reshape(-1)
    result = np.empty(len(orders))
    some = max(1, _TOGETHER // len(near.keys))
    for start in range(0, len(orders), some):
        chosen = orders[start : start + some]
        keys = chosen.take(near.rows, axis=1) * part.n + chosen.take(near.columns, axis=1)
        found = flat.take(keys).astype(np.float64)
        # One by one: the order of the sum must not depend on how many are held at once.
        result[start : start + some] = [np.einsum("e,e->", near.weights, row) for row in found]
    return result


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


def _moments(part: ImbalancePart) -> tuple[PairSums, PairSums, PairSums]:
    n, near = part.n, part.near
    found, back = np.empty(len(near.keys)), np.empty(len(near.keys))
    by_column = np.argsort(near.columns, kind="stable")
    columns_in_order = near.columns[by_column]

    def work(start: int, stop: int) -> tuple[Float64, float]:
        ranks = part.ranks(start, stop).astype(np.float64)
        mine = near.between(start, stop)
        found[mine] = ranks[near.rows[mine] - start, near.columns[mine]]
        first, last = np.searchsorted(columns_in_order, [start, stop])
        turned = by_column[first:last]
        back[turned] = ranks[near.columns[turned] - start, near.rows[turned]]
        return ranks.sum(axis=0), float(np.einsum("ij,ij->", ranks, ranks))

    blocks = [block for _, block in part._in_blocks(work)]
    ranked = Margins(
        rows=np.full(n, n * (n - 1) / 2.0), columns=np.sum([b[0] for b in blocks], axis=0)
    )
    weighted = Margins(rows=near.sums(near.weights), columns=near.column_sums(near.weights))
    place, both_ways = near.find(near.columns * n + near.rows)
    weights_back = np.where(both_ways, near.weights[place], 0.0)
    return (
        pair_sums(
            weighted,
            weighted,
            same=float((near.weights**2).sum()),
            turned=float((near.weights * weights_back).sum()),
        ),
        pair_sums(
            ranked, ranked, same=float(sum(b[1] for b in blocks)), turned=_rank_products(part)
        ),
        pair_sums(
            weighted,
            ranked,
            same=float((near.weights * found).sum()),
            turned=float((near.weights * back).sum()),
        ),
    )


def _rank_products(part: ImbalancePart) -> float:
    """Return the sum over pairs of the rank of j from i times that of i from j."""
    n = part.n
    if part._ranks is not None:
        return float(np.einsum("ij,ji->", part._ranks, part._ranks, dtype=np.float64))
    chosen = np.linspace(0, n - 1, min(n, _SOME_ROWS)).astype(np.intp)
    rows = np.concatenate([part.ranks(i, i + 1)[:, chosen] for i in chosen]).astype(np.float64)
    some = len(chosen)
    return float((rows * rows.T).sum()) * n * (n - 1) / (some * (some - 1))
