"""Intrinsic dimension of every model on a split, by kind of embedding."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from pytest_matalign.analysis.interval import Interval
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.dimension import DimensionMethod
from pytest_matalign.statistics.dimension import assess_dimension


def dimensions(
    embeddings: Mapping[str, Float64], *, method: DimensionMethod = "twonn"
) -> dict[str, Interval]:
    """Return the intrinsic dimension of every embedding (n, d) by model.

    A value at a few hundred samples is not that at the paper's 50,000: with so few, the nearest
    neighbours are far, and both estimators read lower for data of high dimension (`mle` with
    k = 50 by much). Compare models and splits at the same n only.

    Raises:
        MetricInputError: Too few different samples.
    """
    found = {}
    for model, x in embeddings.items():
        estimate = assess_dimension(x, method=method, k=50)
        found[model] = Interval(value=estimate.value, low=estimate.low, high=estimate.high)
    return found


def median(chosen: Collection[Interval]) -> Interval:
    """Return the median over models; its interval is the median of the lower and upper ends.

    The ends are not a confidence interval of the median: the models share their samples, so
    their errors move together, and this is what the shared error amounts to.
    """
    value, low, high = (
        float(np.median([getattr(one, end) for one in chosen])) for end in ("value", "low", "high")
    )
    return Interval(value=value, low=low, high=high)
