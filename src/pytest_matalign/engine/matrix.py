"""Every metric of every pair of many spaces at once: per-space work done once, bounded memory.

Three passes share all work. The first finds every space's neighbours, the second goes through
row blocks of all distance matrices together, the third through cross products of features. What
is kept per space is its rows (unless read from disk each time) and its neighbour lists;
everything of size n x n exists in blocks only. Sums are float64 whatever the rows are.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch

from pytest_matalign.engine.checkpoint import Checkpoint, fingerprint
from pytest_matalign.engine.remote import Recipe
from pytest_matalign.engine.run import DIMENSION, PairStatistics, Run
from pytest_matalign.engine.spaces import HELD, Precision, Rows, Space, shape_of
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.neighbours import require_neighbours
from pytest_matalign.metrics.spec import TABLE, metric_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from pytest_matalign.executor import Executor
    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.metrics.spec import MetricSpec

IN_BLOCKS: tuple[str, ...] = (
    *(row.name for row in TABLE.values() if row.engine not in {"ranks", "definition"}),
    DIMENSION,
)
"""What is worked out unless metrics are chosen: all that needs bounded memory only."""
_KEEP_LIMIT = 4 << 30
_HOLD_LIMIT = 1 << 30


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
    executor: Executor | None = None,
    again: Callable[[], Mapping[str, Rows]] | None = None,
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
        executor: Who works out the tiles of the passes (not the statistics); needs a checkpoint
            on a disk that all workers share, and the CPU.
        again: Gives the same embeddings in a worker: a function of a module, or a `partial`.

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
    settings = RunSettings(
        preprocess=preprocess,
        wanted=wanted,
        specs=specs,
        statistics=statistics,
        precision=precision,
        device=device,
        memory=memory,
        keep=keep,
        checkpoint=checkpoint,
    )
    run = run_over(embeddings, settings)
    if executor is not None and executor.workers > 1 and again is not None and checkpoint:
        recipe = Recipe(rows=again, make=run_over, settings=settings, key=run.checkpoint.key)
        run = replace(run, executor=executor, recipe=recipe)
    run = replace(run, report=progress or run.report)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What `alignment_matrix` was asked for, as workers are told."""

    preprocess: str
    wanted: Sequence[str]
    specs: Mapping[str, MetricSpec]
    statistics: bool
    precision: Precision
    device: str
    memory: int
    keep: bool | None
    checkpoint: Path | None


def run_over(embeddings: Mapping[str, Rows], asked: RunSettings) -> Run:
    """Return the passes over some embeddings, the same in every process.

    Raises:
        MetricInputError: Embeddings that cannot be compared.
        ConfigurationError: The checkpoint is of another run.
    """
    keep = asked.keep
    if keep is None:
        each = 8 if asked.precision == "float64" else 4
        needed = sum(each * rows * width for rows, width in map(shape_of, embeddings.values()))
        keep = needed <= _KEEP_LIMIT
    n = _checked_length(embeddings)
    held = HELD if len(embeddings) * n * n * 12 <= _HOLD_LIMIT else 0
    spaces = [
        Space(
            rows,
            name=name,
            how=asked.preprocess,
            device=torch.device(asked.device),
            precision=asked.precision,
            keep=keep,
            held=held,
        )
        for name, rows in embeddings.items()
    ]
    told = {
        "preprocess": asked.preprocess,
        "k": {name: spec.k for name, spec in asked.specs.items() if spec.k is not None},
        "metrics": sorted(asked.wanted),
        "precision": asked.precision,
        "statistics": asked.statistics,
    }
    folder = asked.checkpoint
    return Run(
        spaces=spaces,
        wanted=asked.wanted,
        specs=asked.specs,
        memory=asked.memory,
        checkpoint=Checkpoint(folder, fingerprint(spaces, told) if folder else ""),
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
