"""Graded perturbation: alignment as a curve from equilibrium outwards, not as two points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.analysis.interval import Interval, jackknife_interval, ratio_interval
from pytest_matalign.analysis.pairs import PairTable
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import Float64, distances


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One level of a series."""

    kind: str  # Perturbation
    level: float  # How much of it
    metric: str  # Name of the metric
    n: int  # Samples, the same at every level
    mean: Interval  # Mean alignment over the pairs
    change: Interval  # Mean alignment less that at the first level, paired over the samples


def curve(
    tables: Mapping[float, PairTable], pairs: Sequence[tuple[str, str]], *, kind: str
) -> list[Step]:
    """Return the mean alignment over pairs at every level.

    Args:
        tables: By level, the first being the unperturbed one. Row i of every table's embeddings
            must come from the same sample, so that differences are paired.
        pairs: Pairs of models, in every table.
        kind: Perturbation, to remember.

    Raises:
        MetricInputError: Tables of different sizes or metrics.
    """
    first = next(iter(tables.values()))
    if len({(table.n, table.spec) for table in tables.values()}) != 1:
        raise MetricInputError(
            f"the levels of {kind} differ in samples or metric; a curve needs the same at each."
        )
    start, starts = _means(first, pairs)
    steps = []
    for level, table in tables.items():
        here, again = _means(table, pairs)
        steps.append(
            Step(
                kind=kind,
                level=level,
                metric=table.spec.name,
                n=table.n,
                mean=jackknife_interval(here, again),
                change=jackknife_interval(here - start, again - starts),
            )
        )
    return steps


def _means(table: PairTable, pairs: Sequence[tuple[str, str]]) -> tuple[float, Float64]:
    """Mean over pairs, on all samples and on every replicate."""
    i, j = table.indices(pairs)
    both = [_mean(matrix, i, j) for matrix in table.replicates]
    return _mean(table.values, i, j), np.array(both)


def _mean(matrix: Float64, i: Sequence[int], j: Sequence[int]) -> float:
    return float((matrix[i, j] + matrix[j, i]).mean() / 2)


def response(base: Float64, shifted: Float64) -> Interval:
    """Return how far samples (n, d) move, relative to how far apart different samples are.

    The mean squared displacement of a sample's row over twice the variance of the base: 0 for a
    model that does not see the perturbation (composition alone), 1 where a perturbed sample is
    as far from itself as from any other.

    Raises:
        MetricInputError: Different shapes.
    """
    if base.shape != shifted.shape:
        raise MetricInputError(
            f"the response needs the same samples and width, not {base.shape} and {shifted.shape}."
        )
    moved = ((shifted - base) ** 2).sum(axis=1)
    apart = 2 * ((base - base.mean(axis=0)) ** 2).sum(axis=1)
    return ratio_interval(moved, apart)


def remoteness(covariates: Float64, home: NDArray[np.intp], *, k: int = 10) -> Float64:
    """Return how far each sample (n, c) is from those at the rows `home` in composition, (n,).

    The mean distance to its k nearest there, itself not counted. A grading that no perturbation
    is needed for.

    Raises:
        MetricInputError: There are no more than k samples at home.
    """
    if len(home) <= k:
        raise MetricInputError(f"{len(home)} samples are too few to take {k} neighbours among.")
    apart = distances(covariates)[:, home]
    apart[home, np.arange(len(home))] = np.inf
    nearest: Float64 = np.partition(apart, k - 1, axis=1)[:, :k].mean(axis=1)
    return nearest


def grades(distance: Float64, count: int) -> list[NDArray[np.intp]]:
    """Return the rows of each of so many grades of the same size, nearest first.

    A remainder of the division falls between grades.
    """
    size = len(distance) // count
    order = np.argsort(distance, kind="stable")
    starts = np.linspace(0, len(order) - size, count).round().astype(int)
    return [np.sort(order[start : start + size]) for start in starts]
