"""Any metric at all: its definition, called for every pair, with resampling around it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

import numpy as np

from pytest_matalign.engine.influence import Influence
from pytest_matalign.engine.null import NullResult, sampled_null
from pytest_matalign.engine.part import Comparison, Part
from pytest_matalign.engine.permutation import permutations
from pytest_matalign.engine.spaces import as_array

if TYPE_CHECKING:
    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.metrics.spec import MetricSpec

GROUPS = 20
_PERMUTATIONS = 19


class DefinitionPart(Part):
    """A space and a metric that has no pass of its own.

    The interval is that of the delete-a-group jackknife over 20 groups, which is on the wide
    side for metrics of nearest neighbours; the null is drawn from 19 permutations.
    """

    def __init__(self, space: Space, spec: MetricSpec, *, seed: int) -> None:
        self.n, self.seed = space.n, seed
        self.spec = replace(spec, preprocess="none")  # the features are prepared already
        self.features: Float64 = as_array(space.rows(0, space.n).double()) + space.origin

    def compare(self, other: Self) -> Comparison:
        """Return the value, and what each group of samples does to it."""
        x, y = self.features, other.features
        value, directions = self.spec.define(x, y)
        # Two that follow each other are left out together: a metric that fits to every second
        # sample and judges on the others then fits to the same ones.
        couples = permutations((self.n + 1) // 2, 1, self.seed)[0] % GROUPS
        groups = couples.repeat(2)[: self.n]
        left_out = np.array(
            [self.spec.define(x[groups != g], y[groups != g])[0] for g in range(GROUPS)]
        )
        samples = (left_out.mean() - left_out) * (GROUPS - 1) / GROUPS
        return Comparison(value=value, directions=directions, influence=Influence(samples=samples))

    def null(self, other: Self, value: float) -> NullResult:
        """Return a null from 19 permutations and the tail of its t distribution."""
        samples = [
            self.spec.define(self.features[order], other.features)[0]
            for order in permutations(self.n, _PERMUTATIONS, self.seed)
        ]
        higher = self.spec.direction == "higher"
        return sampled_null(np.array(samples), value, higher=higher)
