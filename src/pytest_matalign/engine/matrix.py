"""Every metric of every pair of many spaces at once: per-space work done once, bounded memory.

Three passes share all work. The first finds every space's neighbours, the second goes through
row blocks of all distance matrices together, the third through cross products of features. What
is kept per space is its rows (unless read from disk each time) and its neighbour lists;
everything of size n x n exists in blocks only. Sums are float64 whatever the rows are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from pytest_matalign.engine.checkpoint import Checkpoint, fingerprint
from pytest_matalign.engine.run import DIMENSION, PairStatistics, Run
from pytest_matalign.engine.spaces import HELD, Precision, Rows, Space, shape_of
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.neighbours import require_neighbours
from pytest_matalign.metrics.spec import TABLE, metric_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pytest_matalign.metrics.arrays import Float64

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
    run = Run(
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
