"""All pairs of models at once: one matrix product a metric, and jackknife replicates of it.

Every metric here is an inner product of one n x n matrix of each space, so all pairs of M models
are one product of their flattened matrices. Leaving out a group of samples and doing it again
gives every derived statistic (a mean over pairs, a variance explained, a rank correlation) its
interval by one rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.analysis.interval import (
    GROUPS,
    Interval,
    jackknife_interval,
    sample_groups,
)
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import Float64, distances, gram
from pytest_matalign.metrics.cka import double_centred, u_centred
from pytest_matalign.metrics.cknna import centred_by_row
from pytest_matalign.metrics.neighbours import mid_ranks, neighbour_weights
from pytest_matalign.metrics.preprocessing import preprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from pytest_matalign.metrics.spec import MetricSpec

    Rows = NDArray[np.intp] | None
    """Samples of a replicate; None for all."""

METRICS = (
    "cknna",
    "mutual_knn",
    "distance_correlation",
    "distance_correlation_biased",
    "linear_cka",
    "information_imbalance",
)
"""Metrics that can be taken over all pairs at once."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PairTable:
    """Alignment of every pair of models on the same samples.

    Attributes:
        split: Split id.
        spec: The metric.
        n: Samples, the same for every pair.
        models: Card ids, in the order of rows and columns.
        values: (models, models); of the information imbalance, [i, j] is i to j.
        replicates: (groups, models, models), each with one group of samples left out.
    """

    split: str
    spec: MetricSpec
    n: int
    models: tuple[str, ...]
    values: Float64
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

    def indices(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[int], list[int]]:
        """Return row and column of each pair."""
        place = {model: index for index, model in enumerate(self.models)}
        return [place[a] for a, _ in pairs], [place[b] for _, b in pairs]

    def only(self, models: Sequence[str]) -> PairTable:
        """Return the table of some of the models, in the order given."""
        place = [self.models.index(model) for model in models]
        return PairTable(
            split=self.split,
            spec=self.spec,
            n=self.n,
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
    seed: int = 0,
) -> PairTable:
    """Return the alignment of every pair of embeddings with jackknife replicates.

    Args:
        embeddings: Arrays (n, d) by model, row i being the same sample in all.
        spec: One of `METRICS` with its settings.
        split: Id to remember.
        clusters: (n,) consecutive numbers from 0; rows of one cluster (atoms of one structure) are
            not independent and are left out together. Every row by itself where None.
        groups: Groups of samples left out in turn.
        seed: Deals the samples to groups.

    Raises:
        MetricInputError: Different numbers of rows, too few samples, or a metric that is no
            inner product.
    """
    arrays = list(embeddings.values())
    sizes = {len(array) for array in arrays}
    if len(sizes) != 1:
        raise MetricInputError(
            f"the embeddings of split {split} have {sorted(sizes)} rows; cut them to the samples "
            "all of them have."
        )
    n = sizes.pop()
    units = np.arange(n) if clusters is None else clusters
    dealt = sample_groups(int(units.max()) + 1, groups=groups, seed=seed)[units]
    spaces = _spaces(arrays, spec)
    return PairTable(
        split=split,
        spec=spec,
        n=n,
        models=tuple(embeddings),
        values=_matrix(spaces, spec, None),
        replicates=np.stack(
            [_matrix(spaces, spec, np.flatnonzero(dealt != group)) for group in range(groups)]
        ),
    )


def pair_matrix(embeddings: Sequence[Float64], spec: MetricSpec) -> Float64:
    """Return the metric for every pair of arrays (n, d), (models, models).

    The values are those of `pytest_matalign.metrics`; of the information imbalance, [i, j] is
    that from i to j.

    Raises:
        MetricInputError: A metric that is no inner product; arrays that cannot be compared.
    """
    return _matrix(_spaces(embeddings, spec), spec, None)


def pair_matrices(
    embeddings: Sequence[Float64], spec: MetricSpec, parts: Sequence[NDArray[np.intp]]
) -> Float64:
    """Return the metric for every pair on several parts of the samples (parts, models, models).

    Features are prepared once, on all samples: a part keeps the centre of the whole.
    """
    spaces = _spaces(embeddings, spec)
    return np.stack([_matrix(spaces, spec, rows) for rows in parts])


class _Space:
    """Inner products and distances of one embedding, of which replicates take a part.

    Features are prepared once, on all samples: a replicate keeps the centre of the whole.
    """

    def __init__(self, x: Float64, how: str) -> None:
        self._features = preprocess(x, how)
        self.n = len(x)

    @cached_property
    def gram(self) -> Float64:
        return gram(self._features)

    @cached_property
    def distances(self) -> Float64:
        return distances(self._features)

    @cached_property
    def ranks(self) -> Float64:
        return mid_ranks(self.distances)

    @cached_property
    def order(self) -> NDArray[np.intp] | None:
        """Samples by distance from each row, itself first; None where distances are tied."""
        order = self.distances.argsort(axis=1, kind="stable")
        integral = (self.ranks == np.rint(self.ranks)).all()
        distinct = integral and (np.sort(self.ranks, axis=1) == np.arange(self.n)).all()
        return order if distinct else None

    def ranks_among(self, rows: Rows) -> Float64:
        """Ranks (m, m) among some of the samples, without sorting them again."""
        if rows is None:
            return self.ranks
        if self.order is None:
            return mid_ranks(_part(self.distances, rows))
        kept = np.zeros(self.n, dtype=bool)
        kept[rows] = True
        order = self.order[rows]
        place = np.empty_like(order)
        np.put_along_axis(place, order, kept[order].cumsum(axis=1) - 1, axis=1)
        ranks: Float64 = place[:, rows].astype(np.float64)
        return ranks


def _part(matrix: Float64, rows: Rows) -> Float64:
    """Rows and columns of some of the samples; all of them where `rows` is None."""
    return matrix if rows is None else np.ascontiguousarray(matrix[np.ix_(rows, rows)])


def _spaces(embeddings: Sequence[Float64], spec: MetricSpec) -> list[_Space]:
    if spec.name not in METRICS:
        raise MetricInputError(
            f"metric {spec.name} cannot be taken over all pairs at once; choose one of "
            f"{', '.join(METRICS)}."
        )
    return [_Space(x, spec.preprocess) for x in embeddings]


def _matrix(spaces: Sequence[_Space], spec: MetricSpec, rows: Rows) -> Float64:
    if spec.name == "information_imbalance":
        return _imbalances(spaces, spec.k or 1, rows)
    flat = np.stack([_flat(space, spec, rows).ravel() for space in spaces])
    norms = np.sqrt(np.einsum("ij,ij->i", flat, flat))
    if (norms == 0).any():
        raise MetricInputError(
            "an embedding is the same for every sample; a collapsed embedding has no geometry "
            "to compare."
        )
    flat /= norms[:, None]
    matrix: Float64 = flat @ flat.T
    matrix = (matrix + matrix.T) / 2
    if spec.name == "distance_correlation_biased":
        matrix = np.sqrt(np.maximum(matrix, 0.0))
    np.fill_diagonal(matrix, 1.0)
    return matrix


def _flat(space: _Space, spec: MetricSpec, rows: Rows) -> Float64:
    """The n x n matrix of one space whose cosine with another's is the metric."""
    if spec.name == "cknna":
        kernel = _part(space.gram, rows)
        masked: Float64 = neighbour_weights(kernel, spec.k or 0) * centred_by_row(kernel)
        return masked
    if spec.name == "mutual_knn":
        return neighbour_weights(_part(space.gram, rows), spec.k or 0)
    if spec.name == "linear_cka":
        return u_centred(double_centred(_part(space.gram, rows)))
    centre = u_centred if spec.name == "distance_correlation" else double_centred
    return centre(_part(space.distances, rows))


def _imbalances(spaces: Sequence[_Space], k: int, rows: Rows) -> Float64:
    """2 / n times the mean rank in j of the k nearest neighbours in i, for all i and j."""
    weights = [neighbour_weights(-_part(s.distances, rows), k).ravel() for s in spaces]
    ranks = [s.ranks_among(rows).ravel() for s in spaces]
    n = len(spaces[0].distances) if rows is None else len(rows)
    matrix: Float64 = 2.0 / (n * n * k) * (np.stack(weights) @ np.stack(ranks).T)
    return matrix
