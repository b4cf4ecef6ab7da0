"""What drives alignment: variance of the models' distances explained by family, corpus, kind.

Distance-based variance explained is that of permutational analysis of variance (Anderson 2001)
and of distance-based redundancy analysis (McArdle and Anderson 2001): with G the double-centred
-D^2 / 2 and H the projection on the factors' indicator columns, R2 = tr(HG) / tr(G).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.cka import double_centred

PERMUTATIONS = 999


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """How much of the distances between models one factor explains."""

    factor: str  # Attribute of `ModelFacts`
    levels: int  # Different values it takes
    explained: float  # R2 of the factor alone. It grows with the number of levels by itself.
    permuted: float  # Its mean over permutations of the models: what as many random groups explain
    p_value: float  # Share of permutations that explain as much
    beyond: float  # What it explains beyond the other factors given (0 where it is nested in them)
    beyond_p_value: float  # Share of permutations, of this factor's labels only, that add as much


def drivers(
    distances: Float64,
    models: Sequence[str],
    facts: Mapping[str, ModelFacts],
    *,
    factors: Sequence[str] = ("family", "corpus"),
) -> list[Driver]:
    """Return what each factor explains of distances (models, models), alone and beyond the rest.

    A factor that takes one value only, or a different one for every model, explains nothing or
    everything whatever the distances, and is left out.

    Raises:
        MetricInputError: Fewer than four models.
    """
    if len(models) < 4:
        raise MetricInputError(
            f"{len(models)} models are too few to explain the distances between; use 4 or more."
        )
    columns = {factor: [str(getattr(facts[m], factor)) for m in models] for factor in factors}
    kept = {f: c for f, c in columns.items() if 1 < len(set(c)) < len(models)}
    gower = double_centred(-0.5 * distances**2)
    rng = np.random.Generator(np.random.PCG64([0, len(models)]))
    orders = [rng.permutation(len(models)) for _ in range(PERMUTATIONS)]
    found = []
    for factor, labels in kept.items():
        others = [kept[other] for other in kept if other != factor]
        shuffled = [[labels[i] for i in order] for order in orders]
        alone = _explained(gower, [labels])
        rest = _explained(gower, others) if others else 0.0
        beyond = _explained(gower, [labels, *others]) - rest
        chance = np.array([_explained(gower, [one]) for one in shuffled])
        more = np.array([_explained(gower, [one, *others]) - rest for one in shuffled])
        found.append(
            Driver(
                factor=factor,
                levels=len(set(labels)),
                explained=alone,
                permuted=float(chance.mean()),
                p_value=_tail(chance, alone),
                beyond=beyond,
                beyond_p_value=_tail(more, beyond),
            )
        )
    return found


def explained(distances: Float64, labels: Sequence[str]) -> float:
    """Return the distance-based R2 of one grouping of the models."""
    return _explained(double_centred(-0.5 * distances**2), [list(labels)])


def nested(models: Sequence[str], facts: Mapping[str, ModelFacts], inner: str, outer: str) -> bool:
    """Whether the inner factor decides the outer: then their effects cannot be told apart."""
    pairs = {(getattr(facts[m], inner), getattr(facts[m], outer)) for m in models}
    return len(pairs) == len({getattr(facts[m], inner) for m in models})


def _explained(gower: Float64, factors: Sequence[Sequence[str]]) -> float:
    columns = [np.ones(len(gower))]
    for labels in factors:
        names = np.asarray(labels)
        columns += [(names == level).astype(np.float64) for level in dict.fromkeys(labels)]
    design = np.column_stack(columns)
    u, s, _ = np.linalg.svd(design, full_matrices=False)
    basis = u[:, s > 1e-9 * s[0]]
    return float(np.einsum("ik,ij,jk->", basis, gower, basis, optimize=True) / np.trace(gower))


def _tail(chance: Float64, observed: float) -> float:
    hits = int(np.count_nonzero(chance >= observed - 1e-9))
    return (1 + hits) / (1 + len(chance))
