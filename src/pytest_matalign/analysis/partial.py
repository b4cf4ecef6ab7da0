"""Alignment with what composition and size explain taken out of both embeddings.

Two models may agree because both know the elements. What is left after the covariates are
projected out is agreement about structure. The projection is cross-fitted: each sample's
covariate part is predicted by a kernel ridge regression that never saw the sample, so that the
residuals of unrelated models stay unrelated however many covariates there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.analysis.interval import Interval, ratio_interval
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import Float64, as_matrix, squared_distances
from pytest_matalign.metrics.preprocessing import preprocess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

FOLDS = 5
RESAMPLES = 200
"""Of the samples, in which the choice of the penalty is repeated."""
PENALTIES = tuple(10.0 ** np.arange(-6, 2.0))
"""Ridge penalties tried, as multiples of the kernel's mean diagonal times the training rows."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """One fold: what a fit on its training rows needs, whatever the targets."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    spectrum: Float64
    """Eigenvalues (m,) of the centred kernel of the training rows."""
    vectors: Float64
    """Its eigenvectors (m, m)."""
    cross: Float64
    """Centred kernel (t, m) of test and training rows."""

    @cached_property
    def turned(self) -> Float64:
        """The kernel of test and training rows in the eigenvectors (t, m)."""
        return self.cross @ self.vectors

    @cached_property
    def _smoothers(self) -> dict[float, Float64]:
        return {}

    def smoother(self, penalty: float) -> Float64:
        """Return what each prediction takes from each training target (t, m)."""
        if penalty not in self._smoothers:
            found = (self.turned / (self.spectrum + penalty)) @ self.vectors.T
            found += 1 / len(self.train) - found.mean(axis=1, keepdims=True)
            self._smoothers[penalty] = found
        return self._smoothers[penalty]


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldFit:
    """The regression that predicts one part held out."""

    part: _Part
    mean: Float64
    """Of the targets (columns,) over the training rows."""
    rotated: Float64
    """Centred targets in the kernel's eigenvectors (m, columns)."""
    penalties: Float64
    """Those tried (p,)."""
    errors: Float64
    """Squared leave-one-out error (p, m) of each training row under each."""
    chosen: int

    @property
    def penalty(self) -> float:
        """The one used."""
        return float(self.penalties[self.chosen])

    @property
    def predicted(self) -> Float64:
        """Predictions (t, columns) of the rows held out."""
        return self.mean + self.part.cross @ self._weights

    @cached_property
    def left(self) -> Float64:
        """What the fit leaves of the targets (m, columns) of its own training rows."""
        return self.penalty * self._weights

    @property
    def smoother(self) -> Float64:
        """What each prediction takes from each training target (t, m)."""
        return self.part.smoother(self.penalty)

    @property
    def _weights(self) -> Float64:
        shrunk = self.rotated / (self.part.spectrum + self.penalty)[:, None]
        weights: Float64 = self.part.vectors @ shrunk
        return weights

    def by_choice(self, by_prediction: Float64) -> Float64:
        """Return what other penalties would do (b,), chosen in `RESAMPLES` of the samples.

        Args:
            by_prediction: Derivative (t, columns) of any statistic by the predictions.
        """
        spectrum = self.part.spectrum
        along = ((self.part.turned.T @ by_prediction) * self.rotated).sum(axis=1)
        effects = (1 / (spectrum + self.penalties[:, None])) @ along
        changed: Float64 = effects[self._choices] - effects[self.chosen]
        return changed

    @cached_property
    def _choices(self) -> NDArray[np.intp]:
        """Places (b,) of the penalties chosen in resamples of the samples."""
        drawn = _resamples(len(self.part.train) + len(self.part.test))
        choices: NDArray[np.intp] = (drawn[:, self.part.train] @ self.errors.T).argmin(axis=1)
        return choices


class CrossFit:
    """Predicts any targets from fixed covariates, each sample by a model that never saw it.

    Kernel ridge regression with an intercept and the sum of the cosine and a Gaussian kernel
    (bandwidth: median distance) of centred covariates. Both are bounded, so a sample unlike all
    others is no lever. Covariates are taken in the units they come in: a column that hardly varies
    is not blown up, and `side_by_side` brings groups of columns to one footing.

    The penalty is chosen in each training part by the exact leave-one-out error over all columns
    (Allen's PRESS; Hastie, Tibshirani and Friedman 2009, eq. 7.64). Generalized cross-validation
    would replace each sample's leverage by the mean of all: it does not see that a few samples of
    rare composition are predicted by extrapolation, takes next to no penalty for targets that the
    others fit exactly, and is then wrong by many times the targets' spread for those few.
    """

    def __init__(
        self,
        covariates: Float64,
        *,
        clusters: NDArray[np.intp] | None = None,
        folds: int = FOLDS,
        seed: int = 0,
    ) -> None:
        """Prepare the fit.

        Args:
            covariates: (n, c).
            clusters: (n,) consecutive numbers from 0; rows of one cluster (atoms of one structure)
                share a fold. Every row by itself where None.
            folds: Parts held out in turn.
            seed: Deals the samples to folds.

        Raises:
            MetricInputError: Too few samples, or covariates that are the same for all.
        """
        values = as_matrix(covariates, "the covariates")
        if len(values) < 4 * folds:
            raise MetricInputError(
                f"{len(values)} samples are too few for {folds} folds; use {4 * folds} or more."
            )
        self.n = len(values)
        self._kernel = _kernel(values)
        self._units = np.arange(self.n) if clusters is None else clusters
        count = int(self._units.max()) + 1
        rng = np.random.Generator(np.random.PCG64([seed, count]))
        self._fold: NDArray[np.intp] = (rng.permutation(count) % folds)[self._units]
        self._covariates, self._folds, self._seed = values, folds, seed

    def label_residuals(self, labels: Float64) -> tuple[NDArray[np.bool_], Float64]:
        """Return which samples have a label, and what the covariates leave of those labels.

        Args:
            labels: (n,), NaN where a sample has none.

        Returns:
            Booleans (n,) and as many residuals as are true. With gaps, the fit is one of the
            labelled samples alone: filling the gaps with anything would teach it the filling.

        Raises:
            MetricInputError: Too few samples have a label.
        """
        known: NDArray[np.bool_] = np.isfinite(labels)
        fit = self
        if not known.all():
            units = np.unique(self._units[known], return_inverse=True)[1]
            fit = CrossFit(
                self._covariates[known], clusters=units, folds=self._folds, seed=self._seed
            )
        left: Float64 = fit.residuals(labels[known][:, None])[:, 0]
        return known, left

    @cached_property
    def _parts(self) -> list[_Part]:
        return [self._part(fold) for fold in range(self._folds)]

    def _part(self, fold: int) -> _Part:
        train, test = np.flatnonzero(self._fold != fold), np.flatnonzero(self._fold == fold)
        kernel, cross = self._kernel[np.ix_(train, train)], self._kernel[np.ix_(test, train)]
        means = kernel.mean(axis=0)
        centred = kernel - means - means[:, None] + means.mean()
        spectrum, vectors = np.linalg.eigh(centred)
        return _Part(
            train=train,
            test=test,
            spectrum=np.maximum(spectrum, 0.0),
            vectors=vectors,
            cross=cross - cross.mean(axis=1, keepdims=True) - means + means.mean(),
        )

    def fits(self, targets: Float64) -> list[FoldFit]:
        """Return the fit of targets (n, columns) that predicts each part held out."""
        return [_fit(part, targets[part.train]) for part in self._parts]

    def predict(self, targets: Float64) -> Float64:
        """Return out-of-fold predictions (n, columns) of targets (n, columns)."""
        return predictions(self.fits(targets), targets)

    def baseline(self, targets: Float64) -> Float64:
        """Return the training mean (n, columns) each sample would be predicted by without us."""
        predicted = np.empty_like(targets)
        for part in self._parts:
            predicted[part.test] = targets[part.train].mean(axis=0)
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


@lru_cache(maxsize=1)
def _resamples(n: int) -> Float64:
    """How often each sample is drawn (b, n) by the Poisson bootstrap; the same for every fit."""
    return np.random.default_rng(n).poisson(1.0, size=(RESAMPLES, n)).astype(float)


def predictions(fits: Sequence[FoldFit], targets: Float64) -> Float64:
    """Return the out-of-fold predictions of all parts, in the shape of the targets."""
    predicted = np.empty_like(targets)
    for fit in fits:
        predicted[fit.part.test] = fit.predicted
    return predicted


def project_out(embeddings: Mapping[str, Float64], crossfit: CrossFit) -> dict[str, Float64]:
    """Return embeddings (n, d) with the covariates' part removed, ready for any metric.

    Each is centred and its rows scaled to unit length first, as the default preprocessing
    does: a few samples of large norm would otherwise rule the regression.
    """
    return {
        model: crossfit.residuals(preprocess(x, "center-l2", name=model))
        for model, x in embeddings.items()
    }


def side_by_side(*blocks: Float64) -> Float64:
    """Return groups of covariates (n, c_i) as one array (n, sum c_i), each of unit total variance.

    The columns of a group keep their proportions: fractions of elements, or bumps along a size,
    have a common unit, and a column that is nothing but the tail of a bump must stay small.

    Raises:
        MetricInputError: A group is the same for every sample.
    """
    scaled = []
    for values in blocks:
        centred = values - values.mean(axis=0)
        spread = float(np.sqrt((centred**2).sum(axis=1).mean()))
        if spread == 0:
            raise MetricInputError("covariates are the same for every sample; leave them out.")
        scaled.append(centred / spread)
    return np.hstack(scaled)


def _kernel(values: Float64) -> Float64:
    centred = side_by_side(values)
    d2 = squared_distances(centred)
    off = d2[np.triu_indices(len(d2), 1)]
    median = float(np.median(off)) or float(off.max())
    lengths = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    turned = centred / np.where(lengths > 0, lengths, 1.0)
    kernel: Float64 = np.exp(-d2 / (2 * median)) + turned @ turned.T
    return kernel


def _fit(part: _Part, targets: Float64) -> FoldFit:
    """The fit of targets (m, columns) with the penalty of least leave-one-out error."""
    n, mean = len(part.spectrum), targets.mean(axis=0)
    centred = targets - mean
    rotated = part.vectors.T @ centred
    squared = part.vectors**2
    penalties = np.array(PENALTIES) * float(part.spectrum.mean()) * np.sqrt(n)
    errors = np.empty((len(penalties), n))
    for place, penalty in enumerate(penalties):
        shrunk = part.spectrum / (part.spectrum + penalty)
        leverage = squared @ shrunk + 1 / n
        left = centred - part.vectors @ (shrunk[:, None] * rotated)
        errors[place] = ((left / np.maximum(1 - leverage, 1e-9)[:, None]) ** 2).sum(axis=1)
    return FoldFit(
        part=part,
        mean=mean,
        rotated=rotated,
        penalties=penalties,
        errors=errors,
        chosen=int(errors.sum(axis=1).argmin()),
    )
