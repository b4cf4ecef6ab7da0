"""The passes over many spaces: what is worked out once per space, and of all pairs together."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.engine.checkpoint import Checkpoint
from pytest_matalign.engine.dimension import twonn_of
from pytest_matalign.engine.distances import DistancePass, DistanceSums, imbalances
from pytest_matalign.engine.features import cka_values, cross_row, lengths, procrustes_values
from pytest_matalign.engine.neighbours import Lists
from pytest_matalign.engine.overlap import overlap_values
from pytest_matalign.engine.prepare import prepare_parts
from pytest_matalign.engine.remote import distance_blocks, find_neighbours, product_norms
from pytest_matalign.engine.search import neighbour_lists
from pytest_matalign.engine.spaces import Space
from pytest_matalign.engine.tiles import MEMORY, block_rows, in_blocks
from pytest_matalign.metrics.cka import linear_cka
from pytest_matalign.metrics.spec import MetricSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_matalign.engine.distances import DistanceBlock
    from pytest_matalign.engine.remote import Recipe
    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.executor import Executor
    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.metrics.spec import MetricSpec

DIMENSION = "intrinsic_dimension"
"""Asked for like a metric, but of single spaces: TwoNN."""
_SAVE_SECONDS = 60.0
_TILES_EACH = 8
"""Tiles of distances per worker: few, because each is a message, and enough to end together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairStatistics:
    """How well one metric is known for every pair; arrays (M, M), symmetric.

    Attributes:
        value: The metric; of directed ones the mean of both directions.
        error: Standard errors, from influences.
        null_mean: Means over all permutations of the samples of one space.
        null_sd: Standard deviations over permutations.
        p_value: Probability of so much alignment or more under permutation.
    """

    value: Float64
    error: Float64
    null_mean: Float64
    null_sd: Float64
    p_value: Float64


@dataclass(frozen=True, kw_only=True)
class Run:
    """The passes over some spaces for the metrics wanted, each going on from the checkpoint.

    With an executor and a recipe the tiles of the passes are worked out by its workers, which
    needs a checkpoint on a disk that all share. Tiles and the order of sums are the same, and so
    is every bit.
    """

    spaces: Sequence[Space]
    wanted: Sequence[str]
    specs: Mapping[str, MetricSpec]
    memory: int = MEMORY
    checkpoint: Checkpoint = field(default_factory=lambda: Checkpoint(None, ""))
    report: Callable[[str, int, int], None] = lambda *_: None
    executor: Executor | None = None
    recipe: Recipe | None = None

    def values(self) -> dict[str, Float64]:
        """Return what is wanted, by name."""
        result: dict[str, Float64] = {}
        products, nearest = self._lists
        for spec in self._of("overlap"):
            sides = [lists.nearest(spec.k or 0) for lists in products]
            result[spec.name] = overlap_values(sides, kernel=spec.name == "cknna")
        if DIMENSION in self.wanted:
            result[DIMENSION] = np.array(
                [twonn_of(s, lists.ids) for s, lists in zip(self.spaces, nearest, strict=True)]
            )
        if self._distance or self._of("imbalance"):
            result |= self._from_distances()
        if self._linear or self._of("rotation"):
            result |= self._from_features()
        for spec in (*self._of("ranks"), *self._of("definition")):
            result[spec.name] = self._by_pair(spec)
        return result

    def _of(self, engine: str) -> list[MetricSpec]:
        return [spec for spec in self.specs.values() if spec.row.engine == engine]

    @property
    def _linear(self) -> list[MetricSpec]:
        return [s for s in self._of("products") if s.row.definition is linear_cka]

    @property
    def _distance(self) -> list[MetricSpec]:
        return [s for s in self._of("products") if s.row.definition is not linear_cka]

    @property
    def _list_sizes(self) -> tuple[int | None, int | None]:
        """Neighbours to list by product and by distance; None where nobody asks."""
        sizes = [spec.k or 0 for spec in self._of("imbalance")] + [3] * (DIMENSION in self.wanted)
        overlaps = (spec.k or 0 for spec in self._of("overlap"))
        return max(overlaps, default=None), max(sizes, default=None)

    def lists_of(self, index: int) -> list[Lists | None]:
        """Return one space's lists by product and by distance, from the checkpoint or into it."""
        names = [f"neighbours-{index}-{kind}" for kind in range(2)]
        stored = [self.checkpoint.load(name) for name in names]
        if stored != [None, None]:
            return [None if one is None else Lists.from_arrays(one) for one in stored]
        by_product, by_distance = self._list_sizes
        found = neighbour_lists(self.spaces[index], by_product=by_product, by_distance=by_distance)
        for name, lists in zip(names, found, strict=True):
            if lists is not None:
                self.checkpoint.save(name, **lists.arrays())
        return list(found)

    @cached_property
    def _lists(self) -> tuple[list[Lists], list[Lists]]:
        """Every space's lists by product and by distance; none where nobody asks."""
        if self._list_sizes == (None, None):
            return [], []
        count = len(self.spaces)
        if self.executor and self.recipe:
            lacking = [i for i in range(count) if not self.checkpoint.holds(f"neighbours-{i}-")]
            pieces = [self.executor.submit(find_neighbours, self.recipe, i) for i in lacking]
            for number, _ in enumerate(self.executor.gather(pieces), start=1):
                self.report("neighbours", count - len(lacking) + number, count)
        found = []
        for index in range(count):
            found.append(self.lists_of(index))
            self.report("neighbours", index + 1, count)
        products, nearest = zip(*found, strict=True)
        return [one for one in products if one], [one for one in nearest if one]

    @cached_property
    def distance_pass(self) -> DistancePass:
        """The pass over all distance matrices, with the neighbours it ranks."""
        imbalance = self._of("imbalance")
        k = imbalance[0].k or 0 if imbalance else 0
        sides = [lists.nearest(k) for lists in self._lists[1]] if imbalance else None
        return DistancePass(self.spaces, sides, products=bool(self._distance))

    def _blocks(self, start: int) -> Iterator[tuple[int, DistanceBlock]]:
        """Yield (stop, sums) of consecutive blocks of rows of all distance matrices."""
        n, work = self.spaces[0].n, self.distance_pass
        rows = block_rows(n, spaces=len(self.spaces), memory=self.memory)
        if not (self.executor and self.recipe):
            device = self.spaces[0].device
            yield from in_blocks(work.block, n, rows=rows, start=start, device=device)
            return
        edges = [(first, min(first + rows, n)) for first in range(start, n, rows)]
        size = max(1, len(edges) // (_TILES_EACH * self.executor.workers))
        tiles = [tuple(edges[i : i + size]) for i in range(0, len(edges), size)]
        pieces = [self.executor.submit(distance_blocks, self.recipe, tile) for tile in tiles]
        for tile, blocks in zip(tiles, self.executor.gather(pieces), strict=True):
            for (_, stop), block in zip(tile, blocks, strict=True):
                yield stop, block

    def _from_distances(self) -> dict[str, Float64]:
        n, work = self.spaces[0].n, self.distance_pass
        stored = self.checkpoint.load("distances")
        sums = (
            DistanceSums.from_arrays(stored) if stored else DistanceSums.empty(len(self.spaces), n)
        )
        self.report("distances", sums.row, n)
        saved = time.monotonic()
        for stop, block in self._blocks(sums.row):
            sums.add(stop, block)
            self.report("distances", stop, n)
            if stop == n or time.monotonic() - saved > _SAVE_SECONDS:
                self.checkpoint.save("distances", **sums.arrays())
                saved = time.monotonic()
        result = {spec.name: imbalances(sums, n, spec.k or 0) for spec in self._of("imbalance")}
        for spec in self._distance:
            unbiased = bool(spec.row.settings.get("bias_corrected"))
            found = work.correlations(sums, unbiased=unbiased)
            result[spec.name] = found if unbiased else np.sqrt(np.maximum(found, 0.0))
        return result

    def norms_of(self, a: int) -> tuple[Float64, Float64]:
        """Return norms (M - a,) of cross products, see `engine.features.cross_row`."""
        return cross_row(self.spaces, a, nuclear=bool(self._of("rotation")))

    def _norms(self, start: int) -> Iterator[tuple[Float64, Float64]]:
        rest = range(start, len(self.spaces))
        if not (self.executor and self.recipe):
            return map(self.norms_of, rest)
        pieces = [self.executor.submit(product_norms, self.recipe, a) for a in rest]
        return self.executor.gather(pieces)

    def _from_features(self) -> dict[str, Float64]:
        count = len(self.spaces)
        stored = self.checkpoint.load("products")
        squares = np.zeros((count, count)) if stored is None else stored["squares"]
        nuclear = np.zeros((count, count)) if stored is None else stored["nuclear"]
        done = 0 if stored is None else int(stored["done"])
        for a, found in enumerate(self._norms(done), start=done):
            squares[a, a:], nuclear[a, a:] = found
            self.checkpoint.save("products", squares=squares, nuclear=nuclear, done=a + 1)
            self.report("products", a + 1, count)
        squares, nuclear = (half + np.triu(half, 1).T for half in (squares, nuclear))
        of_rows = np.stack([lengths(space) for space in self.spaces])
        result = {}
        for spec in self._linear:
            unbiased = bool(spec.row.settings.get("unbiased"))
            result[spec.name] = cka_values(squares, of_rows, unbiased=unbiased)
        for spec in self._of("rotation"):
            result[spec.name] = procrustes_values(nuclear, of_rows.sum(axis=1))
        return result

    def _by_pair(self, spec: MetricSpec) -> Float64:
        """Return values (M, M) of a metric whose passes take two spaces at a time."""
        parts = [prepare_parts(space, [spec])[spec] for space in self.spaces]
        count = len(parts)
        values = np.empty((count, count))
        for a, b in _pairs(count):
            found = parts[a].compare(parts[b])
            values[a, b], values[b, a] = found.directions or (found.value, found.value)
            self.report(spec.name, a + 1, count)
        return values

    def statistics(self, spec: MetricSpec) -> PairStatistics:
        """Return values, errors and nulls of all pairs."""
        names = ("value", "error", "null_mean", "null_sd", "p_value")
        if stored := self.checkpoint.load(f"statistics-{spec.name}"):
            return PairStatistics(**{name: stored[name] for name in names})
        count, stage = len(self.spaces), f"statistics of {spec.name}"
        parts = []
        for index, space in enumerate(self.spaces):
            parts.append(prepare_parts(space, [spec])[spec])
            self.report(stage, index + 1, 2 * count)
        pairs = _pairs(count)
        found = np.empty((len(names), count, count))
        comparisons = type(parts[0]).compare_all(parts, pairs)
        for (a, b), result in zip(pairs, comparisons, strict=True):
            null = parts[a].null(parts[b], result.value)
            error = result.influence.standard_error()
            entries = (result.value, error, null.mean, null.sd, null.p_value)
            found[:, a, b] = found[:, b, a] = entries
            if b == count - 1:
                self.report(stage, count + a + 1, 2 * count)
        result_by_name = dict(zip(names, found, strict=True))
        self.checkpoint.save(f"statistics-{spec.name}", **result_by_name)
        return PairStatistics(**result_by_name)


def _pairs(count: int) -> list[tuple[int, int]]:
    return [(a, b) for a in range(count) for b in range(a, count)]
