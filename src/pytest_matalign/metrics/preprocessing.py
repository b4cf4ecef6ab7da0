"""What is done to the features before a metric sees them; part of every estimator's identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import (
    ArrayLike,
    Float64,
    as_matrix,
    as_pair,
    require_spread,
    row_lengths,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Preprocess = Literal["none", "l2", "center", "center-l2", "max", "prh"]
PREPROCESSES: tuple[str, ...] = get_args(Preprocess)
UNIT_ROWS = frozenset({"l2", "center-l2", "prh"})
"""Those after which every row but one of zeros has length 1."""


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
    return learn(how, lambda: [values]).apply(values, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What preprocessing needs to know of all rows before it can change some of them.

    Attributes:
        how: See `preprocess`.
        shift: Column means (d,), where they are taken off.
        bound: Largest absolute value that is left, where larger ones are cut.
    """

    how: str
    shift: Float64 | None = None
    bound: float | None = None

    def apply(self, rows: Float64, *, name: str, first: int = 0) -> Float64:
        """Return prepared rows (m, d), the first of which is number `first` of the embedding.

        Raises:
            MetricInputError: `max` on a row without a positive element, or rows of one feature to
                be scaled to unit length.
        """
        if self.shift is not None:
            rows = rows - self.shift
        if self.bound is not None:
            rows = np.clip(rows, -self.bound, self.bound)
        if self.how == "max":
            return _scale_by_maximum(rows, name, first)
        if self.how not in UNIT_ROWS:
            return rows
        if rows.shape[1] == 1:
            raise MetricInputError(
                f"{name} has one feature, of which rows of unit length keep only the sign; use "
                "preprocess 'center' or 'none'."
            )
        lengths = row_lengths(rows)[:, None]
        return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def learn(how: str, blocks: Callable[[], Iterable[Float64]]) -> Preparation:
    """Return how to prepare an embedding that is read in blocks of rows (m, d).

    Raises:
        MetricInputError: Unknown `how`.
    """
    if how not in PREPROCESSES:
        raise MetricInputError(
            f"unknown preprocess {how!r}; choose one of {', '.join(PREPROCESSES)}."
        )
    if how.startswith("center"):
        return Preparation(how=how, shift=_column_means(blocks()))
    if how == "prh":
        sizes = np.concatenate([np.abs(block).ravel() for block in blocks()])
        place = int(0.95 * sizes.size)
        return Preparation(how=how, bound=float(np.partition(sizes, place)[place]))
    return Preparation(how=how)


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


def _column_means(blocks: Iterable[Float64]) -> Float64:
    count, total = 0, np.zeros(1)
    first, constant = np.zeros(1), np.ones(1, dtype=bool)
    for block in blocks:
        first = first if count else block[0]
        constant = constant & (block == first).all(axis=0)
        total = total + block.sum(axis=0)
        count += len(block)
    # Rounding of the mean must not turn a constant column into noise that l2 then blows up.
    means: Float64 = np.where(constant, first, total / count)
    return means


def _scale_by_maximum(x: Float64, name: str, first: int) -> Float64:
    top = x.max(axis=1, keepdims=True)
    if (top <= 0).any():
        row = first + int(np.flatnonzero(top <= 0)[0])
        raise MetricInputError(
            f"row {row} of {name} has no positive element, so preprocess 'max' cannot scale its "
            "maximum to 1; use another preprocess."
        )
    scaled: Float64 = x / top
    return scaled
