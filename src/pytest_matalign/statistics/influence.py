"""Standard errors from influences: how much each sample moves a statistic.

A delete-one jackknife of a nearest-neighbour statistic is too wide (its deviations count every
interaction of r samples r times), a standard deviation over samples too narrow (neighbouring
samples share their neighbours). Here a sample's influence is worked out in closed form and the
interactions of pairs, which the sum of squares counts twice, are taken off once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from pytest_matalign.metrics.arrays import Float64

    PairKernel: TypeAlias = "csr_array | Float64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """How one statistic depends on its samples.

    Attributes:
        samples: Influence of each sample (n,), mean 0.
        pairs: Interaction of two samples (n, n), symmetric; None where there is none.
    """

    samples: Float64
    pairs: PairKernel | None

    def __sub__(self, other: Influence) -> Influence:
        """Return the influence of the difference of two statistics on the same samples."""
        samples = self.samples - other.samples
        if self.pairs is None or other.pairs is None:
            return Influence(samples=samples, pairs=None)
        return Influence(samples=samples, pairs=self.pairs - other.pairs)

    def standard_error(self) -> float:
        """Return the standard error of the statistic."""
        n = len(self.samples)
        first = float((self.samples**2).sum()) * n / (n - 1)
        if self.pairs is None:
            return float(np.sqrt(first))
        if isinstance(self.pairs, np.ndarray):
            twice = 0.5 * float(np.einsum("ij,ij->", self.pairs, self.pairs))
        else:
            twice = 0.5 * float((self.pairs.data**2).sum())
        # Sampling noise may take off too much; half the first-order part is the least that can
        # remain when every interaction is between pairs.
        return float(np.sqrt(max(first - twice, 0.4 * first)))


def combine(own: Float64, kernel: PairKernel) -> Influence:
    """Return the influence from each sample's own terms (n,) and its effect on others (n, n).

    Args:
        own: What sample m adds as an anchor.
        kernel: What sample j adds to the terms of anchor i, at [i, j].
    """
    received = np.asarray(kernel.sum(axis=0)).ravel()
    samples = own + received
    pairs = kernel + kernel.T
    return Influence(
        samples=samples - samples.mean(),
        pairs=pairs if isinstance(pairs, np.ndarray) else pairs.tocsr(),
    )


def symmetric(kernel: Float64) -> Influence:
    """Return the influence for a sum over pairs of a symmetric kernel (n, n), diagonal 0."""
    rows = 2.0 * kernel.sum(axis=1)
    return Influence(samples=rows - rows.mean(), pairs=2.0 * kernel)


def sparse(n: int, flat: np.ndarray, values: Float64) -> csr_array:
    """Return a sparse (n, n) matrix from flat positions i * n + j; repeated positions add up."""
    from scipy.sparse import coo_array

    return coo_array((values, np.divmod(flat, n)), shape=(n, n)).tocsr()
