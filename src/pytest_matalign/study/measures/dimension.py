"""Intrinsic dimension of every model on a split, by kind of embedding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pytest_matalign.analysis.interval import Interval
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.dimension import DimensionMethod
from pytest_matalign.statistics.dimension import assess_dimension

PAPER = {"qm9": 5.0, "mp-crystals": 8.0, "mp-perturbed": 10.0}
"""Typical values of arXiv 2512.03750 on data of the same kind: QM9, sAlex and OMat24."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDimension:
    """Intrinsic dimension of one model on one split."""

    model: str  # Card id
    split: str  # Split id
    method: str  # `twonn` or `mle`
    k: int  # Neighbours used
    n: int  # Samples
    dimension: Interval  # The estimate with its interval


def dimensions(
    embeddings: Mapping[str, Float64],
    *,
    split: str,
    method: DimensionMethod = "twonn",
    k: int = 50,
) -> list[ModelDimension]:
    """Return the intrinsic dimension of every embedding (n, d), with intervals.

    A value at a few hundred samples is not that at the paper's 50,000: with so few, the nearest
    neighbours are far, and both estimators read lower for data of high dimension (`mle` with
    k = 50 by much). Compare models and splits at the same n only.

    Raises:
        MetricInputError: Too few different samples.
    """
    found = []
    for model, x in embeddings.items():
        estimate = assess_dimension(x, method=method, k=k)
        found.append(
            ModelDimension(
                model=model,
                split=split,
                method=method,
                k=estimate.k,
                n=len(x),
                dimension=Interval(value=estimate.value, low=estimate.low, high=estimate.high),
            )
        )
    return found


def median_dimension(found: Iterable[ModelDimension], models: Sequence[str]) -> Interval:
    """Return the median over models; its interval is the median of the lower and upper ends.

    The ends are not a confidence interval of the median: the models share their samples, so
    their errors move together, and this is what the shared error amounts to.
    """
    chosen = [one.dimension for one in found if one.model in models]
    value, low, high = (
        float(np.median([getattr(d, end) for d in chosen])) for end in ("value", "low", "high")
    )
    return Interval(value=value, low=low, high=high)
