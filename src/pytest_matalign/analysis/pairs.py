"""All pairs of models at once: one matrix product a metric, and jackknife replicates of it.

Every metric here is an inner product of one n x n matrix of each space, so all pairs of M models
are one product of their flattened matrices. Leaving out a group of samples and doing it again
gives every derived statistic (a mean over pairs, a variance explained, a rank correlation) its
interval by one rule.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from pytest_matalign.metrics.cka import double_centred, u_centred, unbiased_kernel
from pytest_matalign.metrics.cknna import centred_by_row
from pytest_matalign.metrics.neighbours import mid_ranks, neighbour_weights
from pytest_matalign.metrics.preprocessing import preprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_matalign.statistics import MetricSpec

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
    groups: int = GROUPS,
    seed: int = 0,
) -> PairTable:
    """Return the alignment of every pair of embeddings with jackknife replicates.

    Args:
        embeddings: Arrays (n, d) by model, row i being the same sample in all.
        spec: One of `METRICS` with its settings.
        split: Id to remember.
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
    dealt = sample_groups(n, groups=groups, seed=seed)
    kept = [np.flatnonzero(dealt != group) for group in range(groups)]
    return PairTable(
        split=split,
        spec=spec,
        n=n,
        models=tuple(embeddings),
        values=pair_matrix(arrays, spec),
        replicates=np.stack([pair_matrix([a[rows] for a in arrays], spec) for rows in kept]),
    )


def pair_matrix(embeddings: Sequence[Float64], spec: MetricSpec) -> Float64:
    """Return the metric for every pair of arrays (n, d), (models, models).

    The values are those of `pytest_matalign.metrics`; of the information imbalance, [i, j] is
    that from i to j.

    Raises:
        MetricInputError: A metric that is no inner product; arrays that cannot be compared.
    """
    features = [preprocess(x, spec.preprocess) for x in embeddings]
    if spec.name == "information_imbalance":
        return _imbalances(features, spec.k or 1)
    flat = np.stack([_matrix(x, spec).ravel() for x in features])
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


def _matrix(x: Float64, spec: MetricSpec) -> Float64:
    """The n x n matrix of one space whose cosine with another's is the metric."""
    if spec.name == "cknna":
        kernel = gram(x)
        masked: Float64 = neighbour_weights(kernel, spec.k or 0) * centred_by_row(kernel)
        return masked
    if spec.name == "mutual_knn":
        return neighbour_weights(gram(x), spec.k or 0)
    if spec.name == "distance_correlation":
        return u_centred(distances(x))
    if spec.name == "distance_correlation_biased":
        return double_centred(distances(x))
    if spec.name == "linear_cka":
        return unbiased_kernel(x)
    raise MetricInputError(
        f"metric {spec.name} cannot be taken over all pairs at once; choose one of "
        f"{', '.join(METRICS)}."
    )


def _imbalances(features: Sequence[Float64], k: int) -> Float64:
    """2 / n times the mean rank in j of the k nearest neighbours in i, for all i and j."""
    weights, ranks = [], []
    for x in features:
        d = distances(x)
        weights.append(neighbour_weights(-d, k).ravel())
        ranks.append(mid_ranks(d).ravel())
    n = len(features[0])
    matrix: Float64 = 2.0 / (n * n * k) * (np.stack(weights) @ np.stack(ranks).T)
    return matrix
