"""Distance correlation, with its three scales named apart."""

from __future__ import annotations

import numpy as np

from pytest_matalign.metrics.arrays import ArrayLike, distances
from pytest_matalign.metrics.cka import double_centred, u_centred
from pytest_matalign.metrics.preprocessing import prepared_pair


def distance_correlation(
    x: ArrayLike,
    y: ArrayLike,
    *,
    bias_corrected: bool = False,
    squared: bool = False,
    preprocess: str = "center-l2",
) -> float:
    """Return the distance correlation of Szekely et al. 2007 on Euclidean distances.

    Three quantities go by this name. `distance-correlation/1` (the default here, and in most
    packages): the square root of the V-statistic, 0 to 1. `distance-correlation-squared/1`
    (`squared=True`): the same without the root, as arXiv 2512.03750 prints it.
    `distance-correlation-unbiased/1` (`bias_corrected=True`): the U-statistic of Szekely and
    Rizzo 2014, on the squared scale by definition, 0 on average for unrelated data and possibly
    negative. The first two grow with d / n for unrelated data.

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        bias_corrected: U-statistic; `squared` then changes nothing. Needs n >= 4.
        squared: Leave the V-statistic on the squared scale.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: Arrays that cannot be compared, or all rows of one the same.
    """
    centre = u_centred if bias_corrected else double_centred
    features = prepared_pair(x, y, preprocess, minimum=4)
    ax, ay = (centre(distances(f)) for f in features)
    own = (ax * ax).sum() * (ay * ay).sum()
    if own <= 0:
        return float("nan")
    ratio = float((ax * ay).sum() / np.sqrt(own))
    if bias_corrected or squared:
        return ratio
    return float(np.sqrt(max(ratio, 0.0)))
