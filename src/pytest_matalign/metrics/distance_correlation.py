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

    Its square root is that of the V-statistic (`squared` leaves it out, as arXiv 2512.03750
    does); `bias_corrected` is the U-statistic of Szekely and Rizzo 2014, on the squared scale.

    Arguments and errors are those of `pytest_matalign.distance_correlation`.
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
