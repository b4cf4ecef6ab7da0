"""Procrustes: the nuclear norm of one space's features with another's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from pytest_matalign.engine.influence import Influence
from pytest_matalign.engine.null import NullResult, sampled_null
from pytest_matalign.engine.part import Comparison, Part
from pytest_matalign.engine.permutation import permutations
from pytest_matalign.engine.spaces import as_array
from pytest_matalign.metrics.arrays import product, single_thread
from pytest_matalign.metrics.procrustes import nuclear_norm, unit_norm

if TYPE_CHECKING:
    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64

_PERMUTATIONS = 19


class RotationPart(Part):
    """Features (n, at most n), centred and of norm 1."""

    def __init__(self, space: Space, *, seed: int) -> None:
        self.n, self.seed = space.n, seed
        self.features = unit_norm(as_array(space.rows(0, space.n).double()))

    def compare(self, other: Self) -> Comparison:
        """Return the cosine after the best rotation, and its influences."""
        u, s, v = _svd(product(np.ascontiguousarray(self.features.T), other.features))
        value = float(s.sum())
        # First-order change of the nuclear norm: the rotation found stays as it is.
        rotated = product(self.features, np.ascontiguousarray(product(u, v)))
        samples = np.einsum("ij,ij->i", rotated, other.features)
        for features in (self.features, other.features):
            samples -= value / 2 * np.einsum("ij,ij->i", features, features)
        return Comparison(value=value, influence=Influence(samples=samples - samples.mean()))

    def null(self, other: Self, value: float) -> NullResult:
        """Return a null from 19 permutations and the tail of its t distribution."""
        orders = permutations(self.n, _PERMUTATIONS, self.seed)
        samples = [nuclear_norm(self.features[order], other.features) for order in orders]
        return sampled_null(np.array(samples), value, higher=True)


def _svd(matrix: Float64) -> tuple[Float64, Float64, Float64]:
    with single_thread():
        u, s, v = torch.linalg.svd(torch.tensor(matrix), full_matrices=False)
    return u.numpy(), s.numpy(), v.numpy()
