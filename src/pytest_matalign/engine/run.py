"""The passes over many spaces: what is worked out once per space, and of all pairs together."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.engine.checkpoint import Checkpoint
from pytest_matalign.engine.dimension import twonn_of
from pytest_matalign.engine.distances import DistancePass, DistanceSums, imbalances
from pytest_matalign.engine.features import cka_values, cross_row, lengths, procrustes_values
from pytest_matalign.engine.neighbours import Lists
from pytest_matalign.engine.overlap import overlap_values
from pytest_matalign.engine.prepare import prepare_parts
from pytest_matalign.engine.search import neighbour_lists
from pytest_matalign.engine.spaces import Space
from pytest_matalign.engine.tiles import MEMORY, block_rows, in_blocks
from pytest_matalign.metrics.cka import linear_cka
from pytest_matalign.metrics.spec import MetricSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.metrics.spec import MetricSpec

DIMENSION = "intrinsic_dimension"
"""Asked for like a metric, but of single spaces: TwoNN."""
_SAVE_SECONDS = 60.0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The passes over some spaces for the metrics wanted, each going on from the checkpoint."""

    spaces: Sequence[Space]
    wanted: Sequence[str]
    specs: Mapping[str, MetricSpec]
    memory: int = MEMORY
    checkpoint: Checkpoint = field(default_factory=lambda: Checkpoint(None, ""))
    report: Callable[[str, int, int], None] = lambda *_: None

    def values(self) -> dict[str, Float64]:
        """Return what is wanted, by name."""
        by_pass: dict[str, list[MetricSpec]] = {}
        for spec in self.specs.values():
            by_pass.setdefault(spec.row.engine, []).append(spec)
        linear = [s for s in by_pass.get("products", []) if s.row.definition is linear_cka]
        distance = [s for s in by_pass.get("products", []) if s not in linear]
        overlaps, imbalance = by_pass.get("overlap", []), by_pass.get("imbalance", [])
        result: dict[str, Float64] = {}
        products, nearest = self._lists(overlaps, imbalance)
        for spec in overlaps:
            sides = [lists.nearest(spec.k or 0) for lists in products]
            result[spec.name] = overlap_values(sides, kernel=spec.name == "cknna")
        if DIMENSION in self.wanted:
            result[DIMENSION] = np.array(
                [twonn_of(s, lists.ids) for s, lists in zip(self.spaces, nearest, strict=True)]
            )
        if distance or imbalance:
            result |= self._from_distances(distance, imbalance, nearest)
        if linear or by_pass.get("rotation"):
            result |= self._from_features(linear, by_pass.get("rotation", []))
        for spec in (*by_pass.get("ranks", []), *by_pass.get("definition", [])):
            result[spec.name] = self._by_pair(spec)
        return result

    def _lists(
        self, overlaps: Sequence[MetricSpec], imbalance: Sequence[MetricSpec]
    ) -> tuple[list[Lists], list[Lists]]:
        """Return every space's lists by product and by distance; none where nobody asks."""
        by_product = max((spec.k or 0 for spec in overlaps), default=None)
        sizes = [spec.k or 0 for spec in imbalance] + [3] * (DIMENSION in self.wanted)
        by_distance = max(sizes, default=None)
        products, nearest = [], []
        if by_product is None and by_distance is None:
            return [], []
        for index, space in enumerate(self.spaces):
            pair = [self.checkpoint.load(f"neighbours-{index}-{kind}") for kind in range(2)]
            found = [None if stored is None else Lists.from_arrays(stored) for stored in pair]
            if found == [None, None]:
                found = list(neighbour_lists(space, by_product=by_product, by_distance=by_distance))
                for kind, lists in enumerate(found):
                    if lists is not None:
                        self.checkpoint.save(f"neighbours-{index}-{kind}", **lists.arrays())
            products += [found[0]] if found[0] is not None else []
            nearest += [found[1]] if found[1] is not None else []
            self.report("neighbours", index + 1, len(self.spaces))
        return products, nearest

    def _from_distances(
        self,
        distance: Sequence[MetricSpec],
        imbalance: Sequence[MetricSpec],
        nearest: Sequence[Lists],
    ) -> dict[str, Float64]:
        count, n = len(self.spaces), self.spaces[0].n
        k = imbalance[0].k or 0 if imbalance else 0
        sides = [lists.nearest(k) for lists in nearest] if imbalance else None
        work = DistancePass(self.spaces, sides, products=bool(distance))
        stored = self.checkpoint.load("distances")
        sums = DistanceSums.from_arrays(stored) if stored else DistanceSums.empty(count, n)
        self.report("distances", sums.row, n)
        saved = time.monotonic()
        rows = block_rows(n, spaces=count, memory=self.memory)
        device = self.spaces[0].device
        for stop, block in in_blocks(work.block, n, rows=rows, start=sums.row, device=device):
            sums.add(stop, block)
            self.report("distances", stop, n)
            if stop == n or time.monotonic() - saved > _SAVE_SECONDS:
                self.checkpoint.save("distances", **sums.arrays())
                saved = time.monotonic()
        result = {spec.name: imbalances(sums, n, k) for spec in imbalance}
        for spec in distance:
            unbiased = bool(spec.row.settings.get("bias_corrected"))
            found = work.correlations(sums, unbiased=unbiased)
            result[spec.name] = found if unbiased else np.sqrt(np.maximum(found, 0.0))
        return result

    def _from_features(
        self, linear: Sequence[MetricSpec], rotation: Sequence[MetricSpec]
    ) -> dict[str, Float64]:
        count = len(self.spaces)
        stored = self.checkpoint.load("products")
        squares = np.zeros((count, count)) if stored is None else stored["squares"]
        nuclear = np.zeros((count, count)) if stored is None else stored["nuclear"]
        done = 0 if stored is None else int(stored["done"])
        for a in range(done, count):
            squares[a, a:], nuclear[a, a:] = cross_row(self.spaces, a, nuclear=bool(rotation))
            self.checkpoint.save("products", squares=squares, nuclear=nuclear, done=a + 1)
            self.report("products", a + 1, count)
        squares, nuclear = (half + np.triu(half, 1).T for half in (squares, nuclear))
        of_rows = np.stack([lengths(space) for space in self.spaces])
        result = {}
        for spec in linear:
            unbiased = bool(spec.row.settings.get("unbiased"))
            result[spec.name] = cka_values(squares, of_rows, unbiased=unbiased)
        for spec in rotation:
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
