"""Single atoms instead of pooled structures: which atoms are compared, and how atoms are pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.analysis.partial import side_by_side
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import Float64

ORDERS = (1, 2, 3)
"""Cumulants that can be pooled: mean, variance, third."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AtomRows:
    """Which atoms of which structures are compared, the same for every model."""

    structure: NDArray[np.intp]  # (n,) number of each atom's structure
    atom: NDArray[np.intp]  # (n,) number of the atom within it

    def of(self, features: Sequence[Float64]) -> Float64:
        """Return one row an atom (n, width) of features [atoms, width] by structure."""
        rows = [features[s][a] for s, a in zip(self.structure, self.atom, strict=True)]
        return np.array(rows, dtype=np.float64)


def draw_atoms(counts: Sequence[int], *, most: int) -> AtomRows:
    """Draw at most so many atoms of every structure, of so many atoms each, without replacement.

    Large structures would rule the comparison if all their atoms took part.

    Raises:
        MetricInputError: A structure without atoms.
    """
    if min(counts) < 1:
        raise MetricInputError("a structure without atoms has none to compare; leave it out.")
    rng = np.random.Generator(np.random.PCG64([0, len(counts)]))
    drawn = [np.sort(rng.permutation(count)[:most]) for count in counts]
    return AtomRows(
        structure=np.repeat(np.arange(len(counts)), [len(one) for one in drawn]),
        atom=np.concatenate(drawn),
    )


def pooled(features: Sequence[Float64], *, order: int) -> Float64:
    """Return structures (n, order x width) as cumulants of their atoms' features [atoms, width].

    One cumulant is the mean alone. The second and third enter by their signed roots, so that all
    are in the features' unit, and each block gets the same total variance over structures.
    (Chorna et al., arXiv 2512.05717, concatenate cumulants too.) A structure of one atom has a
    spread of 0.

    Raises:
        MetricInputError: An order that is not offered, or a cumulant that is the same for all.
    """
    if order not in ORDERS:
        raise MetricInputError(f"{order} cumulants cannot be pooled; choose 1, 2 or 3.")
    means = [one.mean(axis=0) for one in features]
    blocks = [np.array(means)]
    for power in range(2, order + 1):
        moments = [
            ((one - mean) ** power).mean(axis=0) for one, mean in zip(features, means, strict=True)
        ]
        raw = np.array(moments)
        blocks.append(np.sign(raw) * np.abs(raw) ** (1 / power))
    return side_by_side(*blocks)


def atom_covariates(
    numbers: Sequence[NDArray[np.intp]], rows: AtomRows, covariates: Float64
) -> Float64:
    """Return what an atom is and what its structure is made of (n, c), of equal weight.

    From atomic numbers by structure, and composition and size (structures, c).
    """
    kinds = [numbers[s][a] for s, a in zip(rows.structure, rows.atom, strict=True)]
    element = np.eye(max(kinds) + 1)[kinds]
    return side_by_side(element[:, element.any(axis=0)], covariates[rows.structure])
