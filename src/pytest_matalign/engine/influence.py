"""Standard errors from influences: how much each sample moves a statistic.

A delete-one jackknife of a nearest-neighbour statistic is too wide (its deviations count every
interaction of r samples r times), a standard deviation over samples too narrow (neighbouring
samples share their neighbours). Here a sample's influence is worked out in closed form and the
interactions of pairs, which the sum of squares counts twice, are taken off once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from pytest_matalign.metrics.arrays import Float64


class Interactions(Protocol):
    """What pairs of samples do together, each pass in the form in which it knows it."""

    def squared(self) -> float:
        """Return the sum over unordered pairs of squared interactions."""
        ...

    def __sub__(self, other: Any, /) -> Interactions:
        """Return the interactions of a difference of two statistics of the same metric."""
        ...

    def __mul__(self, factor: float, /) -> Interactions:
        """Return the interactions of a multiple."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """How one statistic depends on its samples."""

    samples: Float64
    """Influence of each sample (n,), or of each group of samples, mean 0."""
    pairs: Interactions | None = None
    """What two samples do together; None where that is not known."""
    choices: Float64 | None = None
    """What settings chosen by the samples do (b,) in resamples of them, where any were chosen."""

    def __sub__(self, other: Influence) -> Influence:
        """Return the influence of the difference of two statistics on the same samples."""
        pairs = choices = None
        if self.pairs is not None and other.pairs is not None:
            pairs = self.pairs - other.pairs
        if self.choices is not None and other.choices is not None:
            choices = self.choices - other.choices
        return Influence(samples=self.samples - other.samples, pairs=pairs, choices=choices)

    def __mul__(self, factor: float) -> Influence:
        """Return the influence of a multiple of the statistic."""
        return Influence(
            samples=factor * self.samples,
            pairs=None if self.pairs is None else self.pairs * factor,
            choices=None if self.choices is None else self.choices * factor,
        )

    def standard_error(self) -> float:
        """Return the standard error of the statistic."""
        n = len(self.samples)
        variance = first = float((self.samples**2).sum()) * n / (n - 1)
        if self.pairs is not None:
            # Sampling noise may take off too much; half the first-order part is the least that
            # can remain when every interaction is between pairs.
            variance = max(first - self.pairs.squared(), 0.4 * first)
        if self.choices is not None:
            variance += float(self.choices.var())
        return float(np.sqrt(variance))


@dataclass(frozen=True, slots=True, kw_only=True)
class SparsePairs:
    """Interactions of few of the pairs: a symmetric sparse matrix (n, n)."""

    matrix: csr_array

    def squared(self) -> float:
        """Return the sum over unordered pairs of squared interactions."""
        return 0.5 * float((self.matrix.data**2).sum())

    def __sub__(self, other: SparsePairs) -> SparsePairs:
        """Return the interactions of a difference."""
        return SparsePairs(matrix=self.matrix - other.matrix)

    def __mul__(self, factor: float) -> SparsePairs:
        """Return the interactions of a multiple."""
        return SparsePairs(matrix=self.matrix * factor)


def mean_influence(influences: Sequence[Influence], weights: Float64) -> Influence:
    """Return the influence of a weighted mean of statistics of one metric on the same samples."""
    total = influences[0] * float(weights[0])
    for influence, weight in zip(influences[1:], weights[1:], strict=True):
        total = total - influence * -float(weight)
    return total


def from_anchors(own: Float64, keys: NDArray[np.intp], effects: Float64) -> Influence:
    """Return the influence from samples' own terms and what samples do to those of others.

    Args:
        own: What each sample adds as an anchor, (n,).
        keys: Pairs i * n + j; repeated ones add up.
        effects: What sample j adds to the terms of anchor i, one for each key.
    """
    from scipy.sparse import coo_array

    n = len(own)
    kernel = coo_array((effects, np.divmod(keys, n)), shape=(n, n)).tocsr()
    return Influence(
        samples=samples_of_anchors(own, keys % n, effects),
        pairs=SparsePairs(matrix=(kernel + kernel.T).tocsr()),
    )


def samples_of_anchors(own: Float64, columns: NDArray[np.intp], effects: Float64) -> Float64:
    """Return the samples' part (n,) of `from_anchors`, from the columns j of its keys."""
    samples = own + np.bincount(columns, weights=effects, minlength=len(own))
    centred: Float64 = samples - samples.mean()
    return centred
