"""Order the models of a matrix so that models which agree stand side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.scorecard.model import Scorecard
from pytest_matalign.verdicts.records import AlignmentRecord, measured


@dataclass(frozen=True, kw_only=True)
class Order:
    """Models of one suite, split and metric in the order they are drawn in."""

    suite: str
    split: str
    metric: str
    # Ids of the pretrained models, in the order of the dendrogram's leaves
    clustered: tuple[str, ...]
    # Ids of the controls, closest to the pretrained models first. Controls are not compared with
    # each other, so they cannot be clustered.
    controls: tuple[str, ...]
    # Merges of the dendrogram: two nodes and their distance. Node i below `len(clustered)` is the
    # i-th of `clustered`, the others are merges in turn.
    links: tuple[tuple[int, int, float], ...]


def orders(scorecard: Scorecard) -> list[Order]:
    """Return one order a suite, split and metric that has measured pairs."""
    control = {model.id for model in scorecard.models if model.role == "control"}
    grouped: dict[tuple[str, str, str], list[AlignmentRecord]] = {}
    for record, _ in measured(scorecard.alignments):
        grouped.setdefault((record.suite, record.split, record.metric), []).append(record)
    return [_order(key, records, control) for key, records in grouped.items()]


def distance(record: AlignmentRecord) -> float:
    """Return how far apart two models are: 1 - value, or the value where lower is closer."""
    assert record.alignment is not None, "only measured records are ordered"
    value = record.alignment.value
    return 1.0 - value if record.higher_is_closer else value


def _order(
    key: tuple[str, str, str], records: Iterable[AlignmentRecord], control: set[str]
) -> Order:
    distances = {frozenset((r.a, r.b)): distance(r) for r in records}
    models = list(dict.fromkeys(m for r in records for m in (r.a, r.b)))
    trained = [model for model in models if model not in control]
    leaves, links = _clustered(trained, distances)
    near = {
        model: float(np.mean([d for pair, d in distances.items() if model in pair]))
        for model in models
        if model in control
    }
    return Order(
        suite=key[0],
        split=key[1],
        metric=key[2],
        clustered=tuple(trained[leaf] for leaf in leaves),
        controls=tuple(sorted(near, key=lambda model: near[model])),
        links=links,
    )


def _clustered(
    models: list[str], distances: Mapping[frozenset[str], float]
) -> tuple[list[int], tuple[tuple[int, int, float], ...]]:
    """Return leaves in order, and merges whose nodes are numbered by that order."""
    if len(models) < 3:
        return list(range(len(models))), ()
    leaves, merges = clustered(_matrix(models, distances))
    position = {leaf: place for place, leaf in enumerate(leaves)}
    links = tuple(
        (position.get(int(left), int(left)), position.get(int(right), int(right)), float(height))
        for left, right, height, _ in merges
    )
    return leaves, links


def clustered(distance: NDArray[np.float64]) -> tuple[list[int], NDArray[np.float64]]:
    """Return leaves and merges of average linkage, leaves ordered by Bar-Joseph et al. 2001.

    Distances are (models, models), symmetric, 0 on the diagonal; of at least 3 models.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    merges = linkage(squareform(distance, checks=False), method="average", optimal_ordering=True)
    return [int(leaf) for leaf in leaves_list(merges)], merges


def _matrix(models: list[str], distances: Mapping[frozenset[str], float]) -> NDArray[np.float64]:
    """Distances [models, models]; a pair that was not measured counts as the farthest seen."""
    farthest = max(distances.values())
    matrix = np.zeros((len(models), len(models)))
    for i, a in enumerate(models):
        for j in range(i):
            found = distances.get(frozenset((a, models[j])), farthest)
            matrix[i, j] = matrix[j, i] = max(found, 0.0)
    return matrix
