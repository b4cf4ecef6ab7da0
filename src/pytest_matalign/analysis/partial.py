"""Alignment with what composition and size explain taken out of both embeddings.

Two models may agree because both know the elements. What is left after the covariates are
projected out is agreement about structure. The projection is cross-fitted: each sample's
covariate part is predicted by a kernel ridge regression that never saw the sample, so that the
residuals of unrelated models stay unrelated however many covariates there are.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.analysis.interval import Interval, ratio_interval
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import Float64, as_matrix, squared_distances
from pytest_matalign.metrics.preprocessing import preprocess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FOLDS = 5
NEAR_CONSTANT = 1e-4
"""Covariates whose deviation is below this share of the largest are left out."""
PENALTIES = tuple(10.0 ** np.arange(-6, 2.0))
"""Ridge penalties tried, as multiples of the kernel's mean diagonal times the training rows."""


class CrossFit:
    """Predicts any targets from fixed covariates, each sample by a model that never saw it.

    Kernel ridge regression with the sum of a linear and a Gaussian kernel (bandwidth: median
    distance) on standardised covariates; the penalty is chosen in each training part by
    generalized cross-validation (Golub, Heath and Wahba 1979), one for all columns.
    """

    def __init__(self, covariates: Float64, *, folds: int = FOLDS, seed: int = 0) -> None:
        values = as_matrix(covariates, "the covariates")
        if len(values) < 4 * folds:
            raise MetricInputError(
                f"{len(values)} samples are too few for {folds} folds; use {4 * folds} or more."
            )
        self.n = len(values)
        self._kernel = _kernel(values)
        rng = np.random.Generator(np.random.PCG64([seed, self.n]))
        self._fold: NDArray[np.intp] = rng.permutation(self.n) % folds
        self._folds = folds

    @cached_property
    def _parts(self) -> list[tuple[NDArray[np.intp], NDArray[np.intp], Float64, Float64]]:
        """Of each fold: training rows, test rows, eigenvalues and vectors of its kernel."""
        parts = []
        for fold in range(self._folds):
            train, test = np.flatnonzero(self._fold != fold), np.flatnonzero(self._fold == fold)
            spectrum, vectors = np.linalg.eigh(self._kernel[np.ix_(train, train)])
            parts.append((train, test, np.maximum(spectrum, 0.0), vectors))
        return parts

    def predict(self, targets: Float64) -> Float64:
        """Return out-of-fold predictions (n, columns) of targets (n, columns)."""
        predicted = np.empty_like(targets)
        for train, test, spectrum, vectors in self._parts:
            mean = targets[train].mean(axis=0)
            rotated = vectors.T @ (targets[train] - mean)
            penalty = _best_penalty(spectrum, rotated)
            weights = vectors @ (rotated / (spectrum + penalty)[:, None])
            predicted[test] = mean + self._kernel[np.ix_(test, train)] @ weights
        return predicted

    def baseline(self, targets: Float64) -> Float64:
        """Return the training mean (n, columns) each sample would be predicted by without us."""
        predicted = np.empty_like(targets)
        for train, test, _, _ in self._parts:
            predicted[test] = targets[train].mean(axis=0)
        return predicted

    def residuals(self, targets: Float64) -> Float64:
        """Return targets (n, columns) less what the covariates predict of them."""
        left: Float64 = targets - self.predict(targets)
        return left

    def explained(self, targets: Float64) -> Interval:
        """Return the share of the targets' variance predicted out of fold, with its interval.

        At most 1; below 0 where predicting does harm.
        """
        total = ((targets - self.baseline(targets)) ** 2).sum(axis=1)
        left = (self.residuals(targets) ** 2).sum(axis=1)
        ratio = ratio_interval(left, total)
        return Interval(
            value=1 - ratio.value,
            low=1 - ratio.high,
            high=1 - ratio.low,
            confidence=ratio.confidence,
        )


def project_out(embeddings: Mapping[str, Float64], crossfit: CrossFit) -> dict[str, Float64]:
    """Return embeddings (n, d) with the covariates' part removed, ready for any metric.

    Each is centred and its rows scaled to unit length first, as the default preprocessing
    does: a few samples of large norm would otherwise rule the regression.
    """
    return {
        model: crossfit.residuals(preprocess(x, "center-l2", name=model))
        for model, x in embeddings.items()
    }


def _kernel(values: Float64) -> Float64:
    centred = values - values.mean(axis=0)
    scale = centred.std(axis=0)
    # A column that hardly varies is noise once standardised.
    kept = scale > NEAR_CONSTANT * scale.max(initial=0.0)
    used = centred[:, kept] / scale[kept]
    if used.shape[1] == 0:
        raise MetricInputError("the covariates are the same for every sample; leave them out.")
    d2 = squared_distances(used)
    off = d2[np.triu_indices(len(d2), 1)]
    median = float(np.median(off)) or float(off.max())
    linear = used @ used.T / used.shape[1]
    kernel: Float64 = np.exp(-d2 / (2 * median)) + linear
    return kernel


def _best_penalty(spectrum: Float64, rotated: Float64) -> float:
    """The penalty with the least generalized cross-validation error over all columns."""
    n = len(spectrum)
    scale = float(spectrum.mean())
    squares = (rotated**2).sum(axis=1)
    best, least = scale * PENALTIES[0], np.inf
    for relative in PENALTIES:
        penalty = relative * scale * np.sqrt(n)
        left = penalty / (spectrum + penalty)
        freedom = max(float(left.mean()), 1e-9)
        error = float((squares * left**2).sum()) / freedom**2
        if error < least:
            best, least = penalty, error
    return float(best)
