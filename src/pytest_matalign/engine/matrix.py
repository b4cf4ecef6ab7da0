"""Every metric of every pair of many spaces at once: per-space work done once, bounded memory.

Three passes share all work. The first finds every space's neighbours, the second goes through
row blocks of all distance matrices together, the third through cross products of features. What
is kept per space is its rows (unless read from disk each time) and its neighbour lists;
everything of size n x n exists in blocks only. Sums are float64 whatever the rows are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from pytest_matalign.engine.checkpoint import Checkpoint, fingerprint
from pytest_matalign.engine.dimension import twonn_of
from pytest_matalign.engine.distances import DistancePass, DistanceSums, imbalances
from pytest_matalign.engine.features import cka_values, cross_row, lengths, procrustes_values
from pytest_matalign.engine.neighbours import Lists
from pytest_matalign.engine.overlap import overlap_values
from pytest_matalign.engine.prepare import prepare_parts
from pytest_matalign.engine.search import neighbour_lists
from pytest_matalign.engine.spaces import HELD, Precision, Rows, Space, shape_of
from pytest_matalign.engine.tiles import block_rows, in_blocks
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.cka import linear_cka
from pytest_matalign.metrics.neighbours import require_neighbours
from pytest_matalign.metrics.spec import TABLE, MetricSpec, metric_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from pytest_matalign.metrics.arrays import Float64

DIMENSION = "intrinsic_dimension"
"""Asked for like a metric, but of single spaces: TwoNN."""
IN_BLOCKS: tuple[str, ...] = (
    *(row.name for row in TABLE.values() if row.engine not in {"ranks", "definition"}),
    DIMENSION,
)
"""What is worked out unless metrics are chosen: all that needs bounded memory only."""
_KEEP_LIMIT = 4 << 30
_HOLD_LIMIT = 1 << 30
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
class AlignmentMatrix:
    """All alignments of a set of embeddings.

    Attributes:
        names: The M embeddings, in order.
        n: Samples.
        preprocess: What was done to the features.
        k: Neighbours, by metric.
        values: By metric, (M, M) in float64. Of directed metrics (`information_imbalance`) [a, b]
            is from a to b. `intrinsic_dimension` is (M,).
        statistics: By metric, where asked for.
    """

    names: tuple[str, ...]
    n: int
    preprocess: str
    k: Mapping[str, int]
    values: Mapping[str, Float64]
    statistics: Mapping[str, PairStatistics] = field(default_factory=dict)

    def pair(self, metric: str, a: str, b: str) -> float:
        """Return one value by names."""
        return float(self.values[metric][self.names.index(a), self.names.index(b)])


def alignment_matrix(  # noqa: PLR0913  settings of one long run; a class would only hide them
    embeddings: Mapping[str, Rows],
    *,
    metrics: Iterable[str] = IN_BLOCKS,
    preprocess: str = "center-l2",
    k: Mapping[str, int] | None = None,
    statistics: bool = False,
    precision: Precision = "float32",
    device: str = "cpu",
    memory: int = 1 << 29,
    keep: bool | None = None,
    checkpoint: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> AlignmentMatrix:
    """Return every metric of every pair of embeddings.

    Args:
        embeddings: By name, each (n, d) with the same n and samples in the same order: numpy
            arrays and memory maps, torch tensors, or slices of safetensors files (`get_slice`).
        metrics: Names from the table of `pytest_matalign.metrics.spec`, or `intrinsic_dimension`.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.
        k: Neighbours by metric; those of the table where not given.
        statistics: Also standard errors and permutation nulls of every pair, as `assess` has
            them. Memory then grows by 8 bytes times n times the square of the number of
            embeddings, for one metric at a time.
        precision: Of rows and products: `float32` is exact to about 1e-5 of a value.
        device: A torch device, `cpu` or `cuda`.
        memory: Bytes that blocks of rows of all spaces may take.
        keep: Hold all preprocessed rows in memory, or read them again whenever needed; by
            default held up to 4 GiB.
        checkpoint: Folder in which to save progress, and from which to go on after a crash.
        progress: Called with the pass (`neighbours`, `distances`, `products`, or `statistics of`
            a metric), what is done and what there is to do.

    Ties: samples equally close share neighbour places; exact copies are skipped by
    `intrinsic_dimension`.

    Raises:
        MetricInputError: Unknown metrics, arrays of different length, non-finite or collapsed
            embeddings, k out of range.
        ConfigurationError: `checkpoint` holds a run over other inputs or settings.
    """
    wanted = _checked_metrics(metrics)
    n = _checked_length(embeddings)
    specs = {
        name: metric_spec(name, k=(k or {}).get(name), preprocess=preprocess)
        for name in wanted
        if name in TABLE
    }
    sizes = {name: spec.k for name, spec in specs.items() if spec.k is not None}
    for size in sizes.values():
        require_neighbours(size, n)
    if keep is None:
        each = 8 if precision == "float64" else 4
        needed = sum(each * rows * width for rows, width in map(shape_of, embeddings.values()))
        keep = needed <= _KEEP_LIMIT
    held = HELD if len(embeddings) * n * n * 12 <= _HOLD_LIMIT else 0
    spaces = [
        Space(
            rows,
            name=name,
            how=preprocess,
            device=torch.device(device),
            precision=precision,
            keep=keep,
            held=held,
        )
        for name, rows in embeddings.items()
    ]
    settings = {
        "preprocess": preprocess,
        "k": sizes,
        "metrics": sorted(wanted),
        "precision": precision,
        "statistics": statistics,
    }
    run = _Run(
        spaces=spaces,
        wanted=wanted,
        specs=specs,
        memory=memory,
        checkpoint=Checkpoint(checkpoint, fingerprint(spaces, settings) if checkpoint else ""),
        report=progress or (lambda *_: None),
    )
    values = run.values()
    return AlignmentMatrix(
        names=tuple(embeddings),
        n=n,
        preprocess=preprocess,
        k=sizes,
        values={name: values[name] for name in wanted},
        statistics={name: run.statistics(spec) for name, spec in specs.items()}
        if statistics
        else {},
    )


def _checked_metrics(metrics: Iterable[str]) -> list[str]:
    asked = set(metrics)
    known = (*TABLE, DIMENSION)
    unknown = sorted(asked - set(known))
    if unknown or not asked:
        raise MetricInputError(
            f"unknown metrics {', '.join(unknown) or '(none given)'}; choose from "
            f"{', '.join(known)}."
        )
    return [name for name in known if name in asked]


def _checked_length(embeddings: Mapping[str, Rows]) -> int:
    """Return the number of samples all embeddings share.

    Raises:
        MetricInputError: They differ, or are too few.
    """
    lengths_of = {name: shape_of(rows)[0] for name, rows in embeddings.items()}
    if len(set(lengths_of.values())) != 1:
        raise MetricInputError(
            "embeddings must have the same samples in the same order, but their lengths are "
            f"{', '.join(f'{name}: {length}' for name, length in lengths_of.items()) or 'unknown'}."
        )
    n = next(iter(lengths_of.values()))
    if n < 16:
        raise MetricInputError(f"{n} samples are too few for the engine; it needs at least 16.")
    return n


@dataclass(slots=True, kw_only=True)
class _Run:
    spaces: Sequence[Space]
    wanted: Sequence[str]
    specs: Mapping[str, MetricSpec]
    memory: int
    checkpoint: Checkpoint
    report: Callable[[str, int, int], None]

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
