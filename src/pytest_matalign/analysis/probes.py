"""How well a property can be read off a frozen embedding: ridge and nearest-neighbour probes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.analysis.interval import Interval, ratio_interval
from pytest_matalign.analysis.partial import FOLDS
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import Float64, as_matrix, gram
from pytest_matalign.metrics.preprocessing import preprocess

ProbeMethod = Literal["ridge", "knn"]
NEIGHBOURS = 10
NEAR_CONSTANT = 1e-4
"""Columns whose deviation is below this share of the largest are left out of a ridge probe."""
PENALTIES = tuple(10.0 ** np.arange(-5, 5.0))


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """Out-of-fold predictions of one label from one embedding."""

    method: ProbeMethod  # `ridge` or `knn`
    truth: Float64  # Label (n,), in its own unit
    predicted: Float64  # Prediction (n,) for each sample by a fit that never saw it
    score: Interval  # Share of the label's variance explained (R²), with its interval over samples
    error: Interval  # Mean absolute error in the label's unit, with its interval


def probe(features: Float64, labels: Float64, *, method: ProbeMethod = "ridge") -> Probe:
    """Regress a label on a frozen embedding, cross-validated.

    Args:
        features: Embedding (n, d).
        labels: (n,), one number a sample, none missing.
        method: `ridge` (columns standardised, penalty by generalized cross-validation within
            each of five training parts, predictions kept to the range trained on) or `knn`
            (mean of the ten nearest other samples by cosine of centred rows).

    Raises:
        MetricInputError: Too few samples, rows that differ in number, or a constant label.
    """
    x, y = as_matrix(features, "the embedding"), np.asarray(labels, dtype=np.float64)
    if len(x) != len(y) or len(y) < 4 * FOLDS:
        raise MetricInputError(
            f"a probe was given {len(x)} embedded samples and {len(y)} labels; it needs the same "
            f"number of both and at least {4 * FOLDS}."
        )
    if not np.isfinite(y).all() or (y == y[0]).all():
        raise MetricInputError(
            "a probe's labels must be finite and differ from sample to sample; drop the samples "
            "without a label first."
        )
    predicted = _ridge(x, y) if method == "ridge" else _nearest(x, y)
    wrong = y - predicted
    lost = ratio_interval(wrong**2, (y - y.mean()) ** 2)
    return Probe(
        method=method,
        truth=y,
        predicted=predicted,
        score=Interval(value=1 - lost.value, low=1 - lost.high, high=1 - lost.low),
        error=ratio_interval(np.abs(wrong), np.ones_like(y)),
    )


def advantage(one: Probe, other: Probe) -> Interval:
    """Return how much more of the label's variance one probe explains, paired over samples.

    Raises:
        MetricInputError: The probes are of different labels.
    """
    if not np.array_equal(one.truth, other.truth):
        raise MetricInputError("two probes can be compared only on the same labels and samples.")
    gain = (other.truth - other.predicted) ** 2 - (one.truth - one.predicted) ** 2
    return ratio_interval(gain, (one.truth - one.truth.mean()) ** 2)


RANK = 1e-10
"""Singular values below this share of the largest are rounding: fractions sum to 1."""


def composition_fit(counts: Float64, energies: Float64) -> Float64:
    """Return energies (n,) less their least-squares fit on composition (n, elements).

    As the paper does before comparing energies of different references: what is linear in the
    amounts of the elements, reference energies among it, is gone. Use fractions with energies
    per atom, or counts with total energies.
    """
    design = _composition_design(counts)
    fitted = design @ np.linalg.lstsq(design, energies, rcond=None)[0]
    left: Float64 = energies - fitted
    return left


def unseen_residuals(counts: Float64, energies: Float64) -> Float64:
    """Return energies (n,) less what a fit on all other samples' composition gives each.

    By leverages (Allen 1974, the PRESS residuals); NaN where a sample has an element, or a mixture
    of them, that no other has.
    """
    design = _composition_design(counts)
    left_vectors, sizes, _ = np.linalg.svd(design, full_matrices=False)
    rank = int((sizes / sizes[0] > RANK).sum())
    leverage = (left_vectors[:, :rank] ** 2).sum(axis=1)
    alone = leverage > 1 - 1e-8
    left: Float64 = composition_fit(counts, energies) / np.where(alone, np.nan, 1 - leverage)
    return left


def _composition_design(counts: Float64) -> Float64:
    used = counts[:, counts.any(axis=0)]
    return np.column_stack([used, np.ones(len(used))])


def folds(n: int, *, seed: int = 0) -> NDArray[np.intp]:
    """Return the fold (n,) of each sample."""
    dealt: NDArray[np.intp] = np.random.Generator(np.random.PCG64([seed, n])).permutation(n) % FOLDS
    return dealt


@dataclass(frozen=True, slots=True)
class _Features:
    """An embedding (n, d) that can be looked up by its content."""

    digest: str
    values: Float64 = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class _Fold:
    """Everything of a ridge fit that does not depend on the label.

    With the singular value decomposition U S Vᵀ of the training rows, a prediction is
    cross · U (S² + penalty)⁻¹ Uᵀ y, where cross holds the products of test and training rows.
    """

    train: NDArray[np.bool_]
    u: Float64
    s: Float64
    cross: Float64


@lru_cache(maxsize=32)
def _decomposed(features: _Features) -> tuple[_Fold, ...]:
    """Decompose each training part once; the probes of several labels share the work."""
    x = features.values
    dealt = folds(len(x))
    found = []
    for fold in range(FOLDS):
        train = dealt != fold
        mean, scale = x[train].mean(axis=0), x[train].std(axis=0)
        # A column that hardly varies in training is noise once standardised.
        used = scale > NEAR_CONSTANT * scale.max(initial=0.0)
        scaled = (x[:, used] - mean[used]) / scale[used]
        # Of the Gram matrix, which for wide embeddings is far smaller than the rows themselves.
        squares, u = np.linalg.eigh(gram(scaled[train]))
        kept = squares > 1e-10 * squares.max(initial=0.0)
        found.append(
            _Fold(
                train=train,
                u=u[:, kept],
                s=np.sqrt(squares[kept]),
                cross=scaled[~train] @ scaled[train].T,
            )
        )
    return tuple(found)


def _ridge(x: Float64, y: Float64) -> Float64:
    digest = hashlib.sha256(repr(x.shape).encode() + x.tobytes()).hexdigest()
    predicted = np.empty_like(y)
    for fold in _decomposed(_Features(digest, x)):
        centre = y[fold.train].mean()
        target = y[fold.train] - centre
        rotated = fold.u.T @ target
        penalty = _penalty(fold.s, rotated, target)
        raw = centre + fold.cross @ (fold.u @ (rotated / (fold.s**2 + penalty)))
        # One sample unlike all those trained on must not decide the score of a whole model.
        predicted[~fold.train] = np.clip(raw, y[fold.train].min(), y[fold.train].max())
    return predicted


def _penalty(s: Float64, rotated: Float64, target: Float64) -> float:
    n = len(target)
    outside = float(target @ target - rotated @ rotated)
    best, least = 1.0, np.inf
    for penalty in (p * n for p in PENALTIES):
        left = penalty / (s**2 + penalty)
        freedom = (n - 1 - float((1 - left).sum())) / n
        if freedom < 0.02:
            continue  # nearly as many parameters as samples: the criterion says nothing there
        error = (outside + float(((left * rotated) ** 2).sum())) / freedom**2
        if error < least:
            best, least = penalty, error
    return best


def _nearest(x: Float64, y: Float64) -> Float64:
    closeness = gram(preprocess(x, "center-l2"))
    np.fill_diagonal(closeness, -np.inf)
    nearest = np.argpartition(-closeness, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    predicted: Float64 = y[nearest].mean(axis=1)
    return predicted
