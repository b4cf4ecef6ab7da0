"""What a judged value owes to its samples through the preparation of rows.

Means, deviations and regressions are made from the samples, so each of them moves the rows of all
others a little. The chain rule carries a derivative by prepared rows back through every step to
the weight of each sample (the infinitesimal jackknife: Efron and Tibshirani 1993, section 22.6).
The penalty of the regression is chosen among few, which has no derivative: its choice is repeated
in resamples of the samples. Covariates, and the kernel made of them, are taken as given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.analysis.partial import RESAMPLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_matalign.analysis.partial import FoldFit
    from pytest_matalign.metrics.arrays import Float64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chain:
    """How one embedding became what is compared.

    Standardised columns, rows of unit length, predictions by covariates taken off, columns
    centred, rows of unit length.
    """

    standard: Float64
    """Standardised columns (n, d)."""
    fits: Sequence[FoldFit]
    """Of the rows of unit length."""
    centred: Float64
    """What the fits leave (n, d), less its mean."""

    def owed(self, slope: Float64) -> tuple[Float64, Float64]:
        """Return what a statistic owes to samples beyond their own rows.

        Args:
            slope: Its derivative by the prepared rows (n, d).

        Returns:
            Influence of each sample (n,), mean 0, and of penalties chosen in resamples (b,). What
            two samples do together in the preparation is counted with both, which makes errors
            too wide rather than too narrow.
        """
        n = len(slope)
        by_centred = _before_scaling(slope, self.centred)
        total = by_centred.sum(axis=0)
        samples = -self.centred @ total / n
        by_left = by_centred - total / n
        by_unit, choices = by_left.copy(), np.zeros(RESAMPLES)
        for fit in self.fits:
            train, test = fit.part.train, fit.part.test
            by_prediction = -by_left[test]
            pulled = fit.smoother.T @ by_prediction
            samples[train] += np.einsum("ij,ij->i", pulled, fit.left)
            by_unit[train] += pulled
            choices += fit.by_choice(by_prediction)
        by_standard = _before_scaling(by_unit, self.standard)
        samples -= self.standard @ (by_standard.sum(axis=0) / n)
        by_spread = np.einsum("ij,ij->j", by_standard, self.standard)
        samples -= (self.standard**2 - 1) @ by_spread / (2 * n)
        return samples - samples.mean(), choices


def _before_scaling(slope: Float64, rows: Float64) -> Float64:
    """The derivative by rows (n, d) of one by what they are when scaled to unit length."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    inverse = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    unit = rows * inverse
    result: Float64 = inverse * (slope - unit * np.einsum("ij,ij->i", unit, slope)[:, None])
    return result
