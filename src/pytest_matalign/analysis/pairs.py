"""All pairs of models at once, with what each would be without some of the samples.

The engine gives every pair's value and the influence of every sample on it. Influences of a group
of samples, added up, say what leaving the group out would do to the whole matrix: so every
derived statistic (a mean over pairs, a variance explained, a rank correlation) gets its interval
by one rule, and no metric is computed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.analysis.interval import (
    GROUPS,
    Interval,
    jackknife_interval,
    sample_groups,
)
from pytest_matalign.engine.matrix import alignment_matrix
from pytest_matalign.engine.prepare import prepare_parts
from pytest_matalign.engine.spaces import Space
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.preprocessing import preprocess
from pytest_matalign.metrics.spec import MetricSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class PairTable:
    """Alignment of every pair of models on the same samples."""

    split: str  # Split id
    spec: MetricSpec  # The metric
    n: int  # Samples, the same for every pair
    models: tuple[str, ...]  # Card ids, in the order of rows and columns
    values: Float64  # (models, models); of the information imbalance, [i, j] is i to j
    # (groups, models, models), each what it would be, to first order, with one group of samples
    # left out
    replicates: Float64

    def statistic(self, function: Callable[[Float64], float]) -> Interval:
        """Return a function of the matrix (models, models) with its jackknife interval."""
        return jackknife_interval(
            function(self.values), [function(matrix) for matrix in self.replicates]
        )

    def pair(self, a: str, b: str) -> Interval:
        """Return one entry; of the information imbalance, a to b."""
        i, j = self.models.index(a), self.models.index(b)
        return self.statistic(lambda matrix: float(matrix[i, j]))

    def mean(self, pairs: Sequence[tuple[str, str]]) -> Interval:
        """Return the mean over pairs (both directions of the information imbalance).

        Raises:
            MetricInputError: No pair was given.
        """
        if not pairs:
            raise MetricInputError(f"there is no pair to average on split {self.split}.")
        i, j = self.indices(pairs)
        return self.statistic(lambda matrix: float((matrix[i, j] + matrix[j, i]).mean() / 2))

    def lead(self, ahead: Sequence[tuple[str, str]], behind: Sequence[tuple[str, str]]) -> Interval:
        """Return the mean over some pairs, as they stand, less that over others."""
        (i, j), (k, m) = self.indices(ahead), self.indices(behind)
        return self.statistic(lambda matrix: float(matrix[i, j].mean() - matrix[k, m].mean()))

    def indices(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[int], list[int]]:
        """Return row and column of each pair."""
        place = {model: index for index, model in enumerate(self.models)}
        return [place[a] for a, _ in pairs], [place[b] for _, b in pairs]

    def only(self, models: Sequence[str]) -> PairTable:
        """Return the table of some of the models, in the order given."""
        place = [self.models.index(model) for model in models]
        return replace(
            self,
            models=tuple(models),
            values=self.values[np.ix_(place, place)],
            replicates=self.replicates[:, place][:, :, place],
        )


def pair_table(
    embeddings: Mapping[str, Float64],
    spec: MetricSpec,
    *,
    split: str,
    clusters: NDArray[np.intp] | None = None,
    groups: int = GROUPS,
) -> PairTable:
    """Return the alignment of every pair of embeddings with replicates for intervals.

    Args:
        embeddings: Arrays (n, d) by model, row i being the same sample in all.
        spec: The metric with its settings.
        split: Id to remember.
        clusters: (n,) consecutive numbers from 0; rows of one cluster (atoms of one structure) are
            not independent and are left out together. Every row by itself where None.
        groups: Groups of samples left out in turn.

    Raises:
        MetricInputError: Different numbers of rows, too few samples, a collapsed embedding, or a
            metric whose dependence on single samples is not known.
    """
    sizes = {len(array) for array in embeddings.values()}
    if len(sizes) != 1:
        raise MetricInputError(
            f"the embeddings of split {split} have {sorted(sizes)} rows; cut them to the samples "
            "all of them have."
        )
    n, count = sizes.pop(), len(embeddings)
    if spec.row.engine == "definition":
        raise MetricInputError(
            f"what a sample does to metric {spec.name} is not known; choose a metric with a pass "
            "of its own."
        )
    units = np.arange(n) if clusters is None else clusters
    dealt = sample_groups(int(units.max()) + 1, groups=groups)[units]
    left = n - np.bincount(dealt, minlength=groups)
    parts = [
        prepare_parts(Space(rows, name=name, how=spec.preprocess), [spec])[spec]
        for name, rows in embeddings.items()
    ]
    values, replicates = np.empty((count, count)), np.empty((groups, count, count))
    pairs = [(a, b) for a in range(count) for b in range(a, count)]
    for (a, b), found in zip(pairs, type(parts[0]).compare_all(parts, pairs), strict=True):
        both = found.directions or (found.value, found.value)
        samples = found.by_direction or (found.influence.samples, found.influence.samples)
        for (i, j), value, influence in zip(((a, b), (b, a)), both, samples, strict=True):
            taken = np.bincount(dealt, weights=influence, minlength=groups)
            values[i, j], replicates[:, i, j] = value, value - taken * n / left
    return PairTable(
        split=split,
        spec=spec,
        n=n,
        models=tuple(embeddings),
        values=values,
        replicates=replicates,
    )


def pair_matrix(embeddings: Sequence[Float64], spec: MetricSpec) -> Float64:
    """Return the metric for every pair of arrays (n, d), (models, models).

    The values are those of `pytest_matalign.metrics`; of the information imbalance, [i, j] is
    that from i to j.

    Raises:
        MetricInputError: Arrays that cannot be compared.
    """
    found = alignment_matrix(
        {str(place): rows for place, rows in enumerate(embeddings)},
        metrics=[spec.name],
        preprocess=spec.preprocess,
        k={} if spec.k is None else {spec.name: spec.k},
        precision="float64",
    )
    return np.asarray(found.values[spec.name])


def pair_matrices(
    embeddings: Sequence[Float64], spec: MetricSpec, parts: Sequence[NDArray[np.intp]]
) -> Float64:
    """Return the metric for every pair on several parts of the samples (parts, models, models).

    Features are prepared once, on all samples: a part keeps the centre of the whole.
    """
    features = [preprocess(rows, spec.preprocess) for rows in embeddings]
    plain = replace(spec, preprocess="none")
    return np.stack([pair_matrix([rows[part] for rows in features], plain) for part in parts])
