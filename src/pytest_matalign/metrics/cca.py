"""Canonical-correlation measures: SVCCA and PWCCA."""

from __future__ import annotations

import numpy as np

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import ArrayLike, Float64, product
from pytest_matalign.metrics.preprocessing import prepared_pair


def svcca(
    x: ArrayLike, y: ArrayLike, *, variance: float = 0.99, preprocess: str = "center-l2"
) -> float:
    """Return the mean canonical correlation of leading components (estimator `svcca/1`).

    Each space is reduced to the fewest principal components holding `variance` of its variance;
    the value is the mean of the canonical correlations of what is left (Raghu et al. 2017).
    Deterministic; 1 where the reduced spaces span the same.

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        variance: Share of variance to keep, in (0, 1].
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: Arrays that cannot be compared, or `variance` out of range.
    """
    bases = [basis for basis, _ in _reduced_pair(x, y, variance, preprocess)]
    return float(_correlations(*bases).mean())


def pwcca(
    x: ArrayLike, y: ArrayLike, *, variance: float = 0.99, preprocess: str = "center-l2"
) -> float:
    """Return projection-weighted CCA, the mean of both directions (estimator `pwcca/1`).

    As `svcca`, but each canonical correlation is weighted by how much of the (reduced) space
    its canonical variable accounts for: the sum over features of the absolute inner products
    (Morcos et al. 2018, eq. 2). The original is asymmetric; this is the mean of both directions.
    The weights depend on the axes: a rotation of the features changes the value a little.

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        variance: Share of variance to keep, in (0, 1].
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: Arrays that cannot be compared, or `variance` out of range.
    """
    (qx, fx), (qy, fy) = _reduced_pair(x, y, variance, preprocess)
    u, s, vt = np.linalg.svd(product(np.ascontiguousarray(qx.T), qy), full_matrices=False)
    s = np.clip(s, 0.0, 1.0)
    values = []
    for basis, features, axes in ((qx, fx, u), (qy, fy, vt.T)):
        variables = product(basis, np.ascontiguousarray(axes))
        weights = np.abs(product(np.ascontiguousarray(variables.T), features)).sum(axis=1)
        values.append(float((weights * s).sum() / weights.sum()))
    return (values[0] + values[1]) / 2


def _reduced_pair(
    x: ArrayLike, y: ArrayLike, variance: float, preprocess: str
) -> list[tuple[Float64, Float64]]:
    if not 0 < variance <= 1:
        raise MetricInputError(f"variance is {variance}; it is a share between 0 and 1.")
    features = prepared_pair(x, y, preprocess)
    return [_reduce(f - f.mean(axis=0), variance) for f in features]


def _reduce(centred: Float64, variance: float) -> tuple[Float64, Float64]:
    u, s, vt = np.linalg.svd(centred, full_matrices=False)
    keep = s > s[0] * max(centred.shape) * np.finfo(np.float64).eps
    share = np.cumsum(s**2) / (s**2).sum()
    count = min(int(np.searchsorted(share, variance * (1 - 1e-12))) + 1, int(keep.sum()))
    return u[:, :count], product(u[:, :count] * s[:count], np.ascontiguousarray(vt[:count]))


def _correlations(qx: Float64, qy: Float64) -> Float64:
    cross = product(np.ascontiguousarray(qx.T), qy)
    return np.clip(np.linalg.svd(cross, compute_uv=False), 0.0, 1.0)
