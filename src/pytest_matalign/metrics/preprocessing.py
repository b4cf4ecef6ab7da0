"""What is done to the features before a metric sees them; part of every estimator's identity."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import (
    ArrayLike,
    Float64,
    as_matrix,
    as_pair,
    require_spread,
)

Preprocess = Literal["none", "l2", "center", "center-l2", "max", "prh"]
PREPROCESSES: tuple[str, ...] = get_args(Preprocess)


def preprocess(x: ArrayLike, how: str, *, name: str = "x") -> Float64:
    """Return features (n, d) in float64, prepared as `how` says.

    Args:
        x: Embedding (n, d).
        how: `none`; `l2` (rows to unit length); `center` (column means to zero); `center-l2`
            (both, in that order; the bundled suites' choice); `max` (each row divided by its
            largest element, as arXiv 2512.03750 does); `prh` (entries clipped to plus or minus the
            95 % quantile of all absolute values, then `l2`, as Huh et al. 2024 do).
        name: What to call the array in an error.

    A row of zeros stays zero under `l2`.

    Raises:
        MetricInputError: Unknown `how`, or `max` on a row without a positive element.
    """
    values = as_matrix(x, name)
    if how == "none":
        return values
    if how == "center":
        return _center(values)
    if how == "l2":
        return _unit_rows(values)
    if how == "center-l2":
        return _unit_rows(_center(values))
    if how == "max":
        return _scale_by_maximum(values, name)
    if how == "prh":
        return _unit_rows(_truncate(values))
    raise MetricInputError(f"unknown preprocess {how!r}; choose one of {', '.join(PREPROCESSES)}.")


def prepared_pair(
    x: ArrayLike, y: ArrayLike, how: str, *, minimum: int = 3
) -> tuple[Float64, Float64]:
    """Return the features of two spaces on the same samples, checked and preprocessed.

    Raises:
        MetricInputError: As `as_pair` and `preprocess`; or all rows of one are the same.
    """
    a, b = as_pair(x, y, minimum=minimum)
    features = preprocess(a, how, name="x"), preprocess(b, how, name="y")
    require_spread(features[0], "x")
    require_spread(features[1], "y")
    return features


def _center(x: Float64) -> Float64:
    centred: Float64 = x - x.mean(axis=0)
    # Rounding of the mean must not turn a constant column into noise that l2 then blows up.
    centred[:, (x == x[0]).all(axis=0)] = 0.0
    return centred


def _unit_rows(x: Float64) -> Float64:
    norms = np.sqrt(np.einsum("ij,ij->i", x, x))[:, None]
    result: Float64 = np.divide(x, norms, out=np.zeros_like(x), where=norms > 0)
    return result


def _scale_by_maximum(x: Float64, name: str) -> Float64:
    top = x.max(axis=1, keepdims=True)
    if (top <= 0).any():
        row = int(np.flatnonzero(top <= 0)[0])
        raise MetricInputError(
            f"row {row} of {name} has no positive element, so preprocess 'max' cannot scale its "
            "maximum to 1; use another preprocess."
        )
    scaled: Float64 = x / top
    return scaled


def _truncate(x: Float64) -> Float64:
    size = np.abs(x).ravel()
    bound = np.partition(size, int(0.95 * size.size))[int(0.95 * size.size)]
    return np.clip(x, -bound, bound)
