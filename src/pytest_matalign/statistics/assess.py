"""Alignment of two models with its interval and its null, from work done once a model."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_matalign.engine.part import Comparison, Part
from pytest_matalign.engine.prepare import prepare_parts
from pytest_matalign.engine.spaces import Space
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import ArrayLike, as_matrix, require_samples
from pytest_matalign.metrics.spec import MetricSpec
from pytest_matalign.statistics.alignment import Alignment, Difference
from pytest_matalign.statistics.calibration import calibrated_score
from pytest_matalign.statistics.power import FEWEST, samples_needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One model's embedding, prepared for a set of metrics; make it with `prepare`."""

    n: int
    digest: str
    """Of the float64 values; the lesser of two comes first, so results do not depend on order."""
    seed: int
    parts: Mapping[MetricSpec, Part]


def prepare(x: ArrayLike, *, specs: Iterable[MetricSpec], seed: int = 0) -> Prepared:
    """Return an embedding prepared for comparison under several metrics.

    Args:
        x: Embedding (n, d), n at least 10 and more than every k.
        specs: The metrics it will be compared under.
        seed: Of the permutations that give the null its skewness; must be the same for both.

    Raises:
        MetricInputError: Not an embedding, too few samples, or all rows the same.
    """
    matrix = as_matrix(x, "the embedding")
    require_samples(len(matrix), FEWEST)
    digest = hashlib.sha256(repr(matrix.shape).encode() + matrix.tobytes()).hexdigest()
    by_preprocess: dict[str, list[MetricSpec]] = {}
    for spec in dict.fromkeys(specs):
        by_preprocess.setdefault(spec.preprocess, []).append(spec)
    parts: dict[MetricSpec, Part] = {}
    for how, group in by_preprocess.items():
        parts |= prepare_parts(Space(matrix, name="the embedding", how=how), group, seed=seed)
    return Prepared(n=len(matrix), digest=digest, seed=seed, parts=parts)


def assess(x: Prepared, y: Prepared, spec: MetricSpec, *, confidence: float = 0.95) -> Alignment:
    """Return the alignment of two prepared models.

    The same bits whatever other models are about, in which order or process, and whichever of
    the two comes first (but for `directions`, which swap).

    Args:
        x: Prepared for `spec`, by the same seed as y.
        y: Prepared for `spec`, row i being the same sample.
        spec: The metric.
        confidence: Level of the interval, for the metric's expectation at this n and k.

    Raises:
        MetricInputError: Not prepared for `spec`, different samples or seeds, or a confidence
            outside (0, 1).
    """
    half_width = _quantile(confidence)
    first, second, swapped = _ordered(x, y, spec)
    result = first.compare(second)
    null = first.null(second, result.value)
    low, high = _interval(result.value, half_width * result.influence.standard_error(), spec)
    directions = result.directions
    if directions is not None and swapped:
        directions = (directions[1], directions[0])
    return Alignment(
        metric=spec.name,
        estimator=spec.estimator,
        value=result.value,
        low=low,
        high=high,
        confidence=confidence,
        null_mean=null.mean,
        null_sd=null.sd,
        p_value=null.p_value,
        calibrated=calibrated_score(
            result.value, threshold=null.threshold, best=spec.row.best(x.n, spec.k)
        ),
        n=x.n,
        k=spec.k,
        preprocess=spec.preprocess,
        directions=directions,
    )


def assess_difference(
    candidate: Prepared,
    baseline: Prepared,
    reference: Prepared,
    spec: MetricSpec,
    *,
    confidence: float = 0.95,
    tolerance: float = 0.0,
) -> Difference:
    """Return how much better or worse a candidate is aligned with a reference than a baseline.

    Paired: what the samples do to both alignments alike cancels. A candidate equal to its
    baseline differs by exactly 0, with an interval of width 0.

    Args:
        candidate: Prepared for `spec`.
        baseline: Prepared for `spec`.
        reference: Prepared for `spec`; all three on the same samples in the same order.
        spec: The metric.
        confidence: Level of the interval.
        tolerance: Loss of alignment, in the metric's units and >= 0, that is still acceptable.

    Raises:
        MetricInputError: As `assess`; or a negative tolerance.
    """
    if tolerance < 0:
        raise MetricInputError(f"tolerance is {tolerance}; give the acceptable loss as 0 or more.")
    quantile = _quantile(confidence)
    new, old = _compare_both(candidate, baseline, reference, spec)
    value = new.value - old.value
    error = (new.influence - old.influence).standard_error()
    margin = (value if spec.direction == "higher" else -value) + tolerance
    return Difference(
        metric=spec.name,
        estimator=spec.estimator,
        value=value,
        low=value - quantile * error,
        high=value + quantile * error,
        confidence=confidence,
        p_value=_regression_p(margin, error),
        samples_needed=samples_needed(margin, quantile * error, n=candidate.n, quantile=quantile),
        n=candidate.n,
        k=spec.k,
        preprocess=spec.preprocess,
    )


def _interval(value: float, half_width: float, spec: MetricSpec) -> tuple[float, float]:
    """Ends about a value: of errors, which are never negative, on the scale of their logarithm."""
    if spec.direction == "higher" or value <= 0:
        return value - half_width, value + half_width
    factor = math.exp(half_width / value)
    return value / factor, value * factor


def _compare_both(
    candidate: Prepared, baseline: Prepared, reference: Prepared, spec: MetricSpec
) -> tuple[Comparison, Comparison]:
    """Return both comparisons with the reference, from one pass over the three."""
    sides: list[Part] = []
    pairs = []
    for model in (candidate, baseline):
        first, second, _ = _ordered(model, reference, spec)
        sides += [side for side in (first, second) if side not in sides]
        pairs.append((sides.index(first), sides.index(second)))
    new, old = type(sides[0]).compare_all(sides, pairs)
    return new, old


def _ordered(x: Prepared, y: Prepared, spec: MetricSpec) -> tuple[Part, Part, bool]:
    if x.n != y.n:
        raise MetricInputError(
            f"one embedding has {x.n} samples and the other {y.n}; compare the same samples."
        )
    if x.seed != y.seed:
        raise MetricInputError(
            f"one embedding was prepared with seed {x.seed}, the other with {y.seed}; use one."
        )
    for side in (x, y):
        if spec not in side.parts:
            raise MetricInputError(
                f"an embedding was not prepared for {spec.name} (k {spec.k}, preprocess "
                f"{spec.preprocess}); pass this spec to prepare()."
            )
    swapped = y.digest < x.digest
    first, second = (y, x) if swapped else (x, y)
    return first.parts[spec], second.parts[spec], swapped


def _quantile(confidence: float) -> float:
    from scipy.special import ndtri

    if not 0 < confidence < 1:
        raise MetricInputError(f"confidence is {confidence}; it must lie between 0 and 1.")
    return float(ndtri(0.5 + confidence / 2))


def _regression_p(margin: float, error: float) -> float:
    from scipy.special import ndtr

    if error == 0:
        return 0.0 if margin < 0 else 1.0
    return float(ndtr(margin / error))
