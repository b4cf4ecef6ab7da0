"""What drives alignment: variance of the models' distances explained by family, corpus, kind.

Distance-based variance explained is that of permutational analysis of variance (Anderson 2001)
and of distance-based redundancy analysis (McArdle and Anderson 2001): with G the double-centred
-D^2 / 2 and H the projection on the factors' indicator columns, R2 = tr(HG) / tr(G). The pseudo-F
of a factor is what it explains per degree of freedom over what is left per degree of freedom, so
that factors of different numbers of levels compare. What a factor adds to others is tested by
permuting its labels within the groups of the others only (Anderson and ter Braak 2003).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    pseudo_f: float  # Of the factor alone; infinite where nothing is left
    p_value: float  # Share of permutations of the models that explain as much
    beyond: float  # What it explains beyond the other factors given (0 where it is nested in them)
    beyond_df: int  # Degrees of freedom that takes
    beyond_f: float  # Its pseudo-F; NaN where it is nested, or nothing is left to compare with
    # Share of permutations within the groups of the other factors that add as much; 1 where these
    # leave nothing to permute
    beyond_p_value: float


def drivers(
    distances: Float64,
    models: Sequence[str],
    facts: Mapping[str, ModelFacts],
    *,
    factors: Sequence[str] = ("family", "corpus"),
    permutations: int = PERMUTATIONS,
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
    orders = [rng.permutation(len(models)) for _ in range(permutations)]
    found = []
    for factor, labels in kept.items():
        others = [kept[other] for other in kept if other != factor]
        alone, rank = _explained(gower, [labels])
        chance = np.array([_explained(gower, [_taken(labels, one)])[0] for one in orders])
        rest, rest_rank = _explained(gower, others)
        whole, whole_rank = _explained(gower, [labels, *others])
        within = [_within(others, len(models), rng) for _ in range(permutations)]
        more = [_explained(gower, [_taken(labels, one), *others]) for one in within]
        # A permutation may take other degrees of freedom: the ratios compare, not the sums.
        ratios = np.array([_ratio(total, rest, r, rest_rank, len(models)) for total, r in more])
        ratio = _ratio(whole, rest, whole_rank, rest_rank, len(models))
        found.append(
            Driver(
                factor=factor,
                levels=len(set(labels)),
                explained=alone,
                permuted=float(chance.mean()),
                pseudo_f=_ratio(alone, 0.0, rank, 1, len(models)),
                p_value=_tail(chance, alone),
                beyond=whole - rest,
                beyond_df=whole_rank - rest_rank,
                beyond_f=ratio,
                beyond_p_value=1.0 if np.isnan(ratio) else _tail(ratios, ratio),
            )
        )
    return found


def explained(distances: Float64, labels: Sequence[str]) -> float:
    """Return the distance-based R2 of one grouping of the models."""
    return _explained(double_centred(-0.5 * distances**2), [list(labels)])[0]


def _explained(gower: Float64, factors: Sequence[Sequence[str]]) -> tuple[float, int]:
    """Return R2 of factors together, and the rank of their design, the mean counted."""
    columns = [np.ones(len(gower))]
    for labels in factors:
        names = np.asarray(labels)
        columns += [(names == level).astype(np.float64) for level in dict.fromkeys(labels)]
    design = np.column_stack(columns)
    u, s, _ = np.linalg.svd(design, full_matrices=False)
    basis = u[:, s > 1e-9 * s[0]]
    share = np.einsum("ik,ij,jk->", basis, gower, basis, optimize=True) / np.trace(gower)
    return float(share), basis.shape[1]


def _ratio(whole: float, rest: float, rank: int, rest_rank: int, n: int) -> float:
    """Return the pseudo-F of what comes on top of the rest; NaN without degrees of freedom."""
    if rank in {rest_rank, n}:
        return float("nan")
    return (whole - rest) / (rank - rest_rank) / max((1 - whole) / (n - rank), 1e-15)


def _within(others: Sequence[Sequence[str]], n: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return a permutation (n,) that keeps every model in its group of the other factors."""
    order = np.arange(n)
    groups = [tuple(other[i] for other in others) for i in range(n)]
    for group in dict.fromkeys(groups):
        members = [i for i in range(n) if groups[i] == group]
        order[members] = rng.permutation(members)
    return order


def _taken(labels: Sequence[str], order: NDArray[np.intp]) -> list[str]:
    return [labels[i] for i in order]


def _tail(chance: Float64, observed: float) -> float:
    hits = int(np.count_nonzero(~(chance < observed - 1e-9)))
    return (1 + hits) / (1 + len(chance))
