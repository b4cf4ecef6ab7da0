"""Structure shared with references beyond what composition and size explain, as one estimator.

Columns are standardised, rows scaled to unit length, covariates projected out by cross-fitting
(`partial.CrossFit`), and what is left is aligned with what is left of each reference. The judged
value is a weighted mean over references of other families. Its interval is for its expectation at
this number of samples, penalties and neighbours being chosen anew: influences are those of the
residuals, and what their preparation owes to the samples (`chain.Chain`) on both sides.
`benchmarks/gate_coverage.py` measures how often it covers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.analysis.chain import Chain
from pytest_matalign.analysis.partial import predictions
from pytest_matalign.engine.influence import Influence, mean_influence
from pytest_matalign.engine.prepare import prepare_parts
from pytest_matalign.engine.slopes import slopes
from pytest_matalign.engine.spaces import Space
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import LARGEST, Float64, as_matrix
from pytest_matalign.metrics.preprocessing import preprocess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_matalign.analysis.partial import CrossFit
    from pytest_matalign.engine.part import Part
    from pytest_matalign.metrics.spec import MetricSpec

JUDGED = ("cknna", "distance_correlation")
"""Metrics the gate judges: one of neighbourhoods, one of all distances."""
NEAR_CONSTANT = 1e-4
"""Columns whose deviation is below this share of the largest are rounding, not features."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Residual:
    """What the covariates leave of one embedding, prepared for the judged metrics."""

    rows: Float64
    parts: Mapping[MetricSpec, Part]
    chain: Chain


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """A model that candidates are compared with.

    Attributes:
        model: Card id.
        family: Its family; a candidate is never judged by its own.
        corpus: What it was trained on, in any one spelling.
        rows: Embedding (n, d).
    """

    model: str
    family: str
    corpus: str
    rows: Float64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shared:
    """One judged metric of one model, averaged over references.

    Attributes:
        metric: Name.
        value: Weighted mean of the partial alignments.
        influence: Of the value, on samples and pairs of samples.
        n: Samples.
    """

    metric: str
    value: float
    influence: Influence
    n: int

    @property
    def error(self) -> float:
        """Standard error of the value over the choice of samples."""
        return self.influence.standard_error()

    def minus(self, other: Shared) -> tuple[float, float]:
        """Return the paired difference of two models on the same samples, and its error."""
        error = (self.influence - other.influence).standard_error()
        return self.value - other.value, error


def standardised(x: Float64) -> Float64:
    """Return features (n, d') centred and of unit deviation; what hardly varies is left out.

    Without it an embedding in which one direction holds nearly all variance becomes a sign.

    Raises:
        MetricInputError: No column varies.
    """
    values = as_matrix(x, "the embedding")
    largest = float(np.abs(values).max())
    if largest > LARGEST or 0 < largest < 1 / LARGEST:
        values = values / largest
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0)
    used = spread > NEAR_CONSTANT * spread.max(initial=0.0)
    if not used.any():
        raise MetricInputError("every row of the embedding is the same; nothing can be judged.")
    result: Float64 = centred[:, used] / spread[used]
    return result


def residual(x: Float64, crossfit: CrossFit, specs: Sequence[MetricSpec]) -> Residual:
    """Return an embedding (n, d) with the covariates projected out, prepared for `specs`.

    Raises:
        MetricInputError: The embedding is the same for every sample.
    """
    standard = standardised(x)
    unit = preprocess(standard, "l2")
    fits = crossfit.fits(unit)
    rows = unit - predictions(fits, unit)
    # Prepared here: what that owes to the samples is the chain's to say.
    space = Space(preprocess(rows, "center-l2"), name="the embedding", how="none")
    return Residual(
        rows=rows,
        parts=prepare_parts(space, specs),
        chain=Chain(standard=standard, fits=fits, centred=rows - rows.mean(axis=0)),
    )


def weights(families: Sequence[str], corpora: Sequence[str]) -> Float64:
    """Return weights (r,) of references, summing to 1: by family and by corpus.

    Siblings share the weight of one model, and families trained on one corpus share part of
    theirs: alignment with five models of one corpus is mostly alignment with that corpus. Each
    (family, corpus) gets 1 / (corpora of the family x families of the corpus).
    """
    cells = list(zip(families, corpora, strict=True))
    distinct = set(cells)
    raw = np.array(
        [
            1.0
            / sum(other[0] == family for other in distinct)
            / sum(other[1] == corpus for other in distinct)
            / cells.count((family, corpus))
            for family, corpus in cells
        ]
    )
    shares: Float64 = raw / raw.sum()
    return shares


def shared(x: Residual, references: Sequence[Residual], given: Float64, spec: MetricSpec) -> Shared:
    """Return the mean partial alignment of a model with references.

    Args:
        x: The model.
        references: On the same samples.
        given: Weights (r,), summing to 1.
        spec: One judged metric, for which all were prepared.

    Raises:
        MetricInputError: There is no reference.
    """
    if not references:
        raise MetricInputError("there is no reference of another family to judge by.")
    own = x.parts[spec]
    found = [own.compare(other.parts[spec]) for other in references]
    value = float(sum(w * c.value for w, c in zip(given, found, strict=True)))
    slope, owed = np.zeros_like(x.rows), []
    for weight, other, comparison in zip(given, references, found, strict=True):
        by_own, by_other = slopes(own, other.parts[spec], comparison.value)
        slope += weight * by_own
        owed.append(other.chain.owed(weight * by_other))
    owed.append(x.chain.owed(slope))
    direct = mean_influence([comparison.influence for comparison in found], given)
    influence = replace(
        direct,
        samples=direct.samples + np.sum([samples for samples, _ in owed], axis=0),
        choices=np.sum([choices for _, choices in owed], axis=0),
    )
    return Shared(
        metric=spec.name,
        value=value,
        influence=influence,
        n=len(x.rows),
    )


def chance(x: Residual, references: Sequence[Residual], given: Float64, spec: MetricSpec) -> float:
    """Return what `shared` would be on average if the samples of the model were permuted."""
    nulls = [x.parts[spec].null(other.parts[spec], 0.0).mean for other in references]
    return float(np.dot(given, nulls))


def profiles(rows: Float64) -> Float64:
    """Return how each sample lies among all others: (n, n), each row of unit length.

    Euclidean distances of rows scaled to unit length, doubly centred so that what is typical of
    a sample, or of the space, is gone.
    """
    from pytest_matalign.metrics.arrays import distances

    d = distances(preprocess(rows, "center-l2"))
    centred = d - d.mean(axis=0) - d.mean(axis=1, keepdims=True) + d.mean()
    np.fill_diagonal(centred, 0.0)
    lengths = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    result: Float64 = np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > 0)
    return result


def sample_agreement(a: Float64, b: Float64) -> Float64:
    """Return the cosine (n,) of each sample's profile in two spaces; 0 for unrelated ones."""
    cosines: Float64 = np.einsum("ij,ij->i", a, b)
    return cosines
