"""The evolutionary tree of models: profile distances, neighbour joining, support, Newick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pytest_matalign.analysis.pairs import pair_matrices
from pytest_matalign.errors import MetricInputError, UnavailableError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.spec import MetricSpec

RESAMPLES = 100
SMALLEST = 1e-12
"""Added to every alignment before it becomes a probability."""

Clade = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """An unrooted tree of models."""

    models: tuple[str, ...]  # Its leaves
    newick: str  # The tree in Newick format, inner nodes labelled with their support in percent
    # Share of half-samples whose tree has the same bipartition, by the side of it that does not
    # hold the first model
    support: dict[Clade, float]
    distances: Float64  # (models, models), what the tree was joined from

    def holds(self, group: Sequence[str]) -> float | None:
        """Return the support of the branch that sets a group apart; None where there is none."""
        return self.support.get(_side(frozenset(group), self.models))


def profile_distances(alignment: Float64) -> Float64:
    """Return sqrt(Jensen-Shannon divergence) distances of models' alignment profiles.

    arXiv 2512.03750, eq. A9 to A12: the alignment matrix is read as a confusion matrix, its rows
    R and columns K normalised to probabilities, D_ij = (sqrt(JSD(R_i, R_j)) +
    sqrt(JSD(K_i, K_j))) / 2 with the divergence in bits. For a symmetric matrix the two terms
    are equal. Negative alignments, which are noise, count as none.

    Args:
        alignment: (models, models), larger is more aligned.
    """
    weights = np.maximum(alignment, 0.0) + SMALLEST
    rows = weights / weights.sum(axis=1, keepdims=True)
    columns = (weights / weights.sum(axis=0, keepdims=True)).T
    total: Float64 = (_root_jsd(rows) + _root_jsd(columns)) / 2
    return total


def _root_jsd(profiles: Float64) -> Float64:
    a, b = profiles[:, None, :], profiles[None, :, :]
    middle = (a + b) / 2
    divergence = (a * np.log2(a / middle) + b * np.log2(b / middle)).sum(axis=2) / 2
    root: Float64 = np.sqrt(np.clip((divergence + divergence.T) / 2, 0.0, 1.0))
    np.fill_diagonal(root, 0.0)
    return root


def evolutionary_tree(
    embeddings: Mapping[str, Float64],
    spec: MetricSpec,
    *,
    resamples: int = RESAMPLES,
) -> Tree:
    """Join models by their alignment profiles, with support from half-samples.

    The samples are resampled without replacement, half at a time: a bootstrap would repeat
    samples, which become each other's nearest neighbours and break neighbour metrics.

    Args:
        embeddings: Arrays (n, d) by model, row i being the same sample in all.
        spec: A metric whose higher values mean more aligned.
        resamples: Half-samples drawn.

    Raises:
        MetricInputError: Fewer than four models, or a metric whose lower values mean alignment.
        UnavailableError: Biopython is not installed.
    """
    models = tuple(embeddings)
    if len(models) < 4 or spec.direction == "lower":
        raise MetricInputError(
            f"a tree needs four models or more and a metric whose higher values mean more "
            f"aligned; given were {len(models)} models and {spec.name}."
        )
    arrays = list(embeddings.values())
    n = len(arrays[0])
    rng = np.random.Generator(np.random.PCG64([0, n]))
    halves = [np.sort(rng.choice(n, size=n // 2, replace=False)) for _ in range(resamples)]
    # So that a neighbourhood holds the same share of the samples in a half as in the whole.
    near = spec if spec.k is None else replace(spec, k=max(1, round(spec.k / 2)))
    (distances,) = map(profile_distances, pair_matrices(arrays, spec, [np.arange(n)]))
    others = map(profile_distances, pair_matrices(arrays, near, halves) if halves else ())
    tree = _join(models, distances)
    counts: dict[Clade, int] = dict.fromkeys(_clades(tree, models), 0)
    for again in others:
        for clade in _clades(_join(models, again), models) & counts.keys():
            counts[clade] += 1
    support = {clade: count / max(resamples, 1) for clade, count in counts.items()}
    return Tree(
        models=models,
        newick=_newick(tree, models, support),
        support=support,
        distances=distances,
    )


def _join(models: Sequence[str], distances: Float64) -> Any:
    """Biopython's neighbour joining (Saitou and Nei 1987)."""
    try:
        from Bio.Phylo.TreeConstruction import DistanceMatrix, DistanceTreeConstructor
    except ImportError:
        raise UnavailableError(
            "Trees are joined by Biopython, which is not installed; "
            "pip install 'pytest-matalign[figures]'."
        ) from None
    lower = [[float(distances[i, j]) for j in range(i + 1)] for i in range(len(models))]
    matrix: Any = DistanceMatrix
    constructor: Any = DistanceTreeConstructor
    return constructor().nj(matrix(list(models), lower))


def _clades(tree: Any, models: Sequence[str]) -> set[Clade]:
    """The bipartitions of an unrooted tree, each by the side without the first model."""
    found = set()
    for node in tree.get_nonterminals():
        side = _side(frozenset(leaf.name for leaf in node.get_terminals()), models)
        if 1 < len(side) < len(models) - 1:
            found.add(side)
    return found


def _side(group: Clade, models: Sequence[str]) -> Clade:
    return frozenset(models) - group if models[0] in group else group


def _newick(tree: Any, models: Sequence[str], support: Mapping[Clade, float]) -> str:
    """Newick text; lengths in units of the distance, negative ones of the method set to 0."""

    def text(node: Any) -> str:
        length = max(float(node.branch_length or 0.0), 0.0)
        if node.is_terminal():
            return f"'{node.name}':{length:.5f}"
        inner = ",".join(text(child) for child in node.clades)
        side = _side(frozenset(leaf.name for leaf in node.get_terminals()), models)
        label = f"{100 * support[side]:.0f}" if side in support else ""
        return f"({inner}){label}:{length:.5f}"

    return "(" + ",".join(text(child) for child in tree.root.clades) + ");"
