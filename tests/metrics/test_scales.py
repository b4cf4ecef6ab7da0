"""Embeddings of one feature, and of scales whose squares no float64 holds."""

from __future__ import annotations

import numpy as np
import pytest

import pytest_matalign as pm
from pytest_matalign.analysis.partial import CrossFit
from pytest_matalign.analysis.shared import residual, standardised
from pytest_matalign.errors import MetricInputError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 4)), RNG.normal(size=(60, 3))
ONE = X[:, :1]


@pytest.mark.parametrize("how", ["l2", "center-l2", "prh"])
def test_one_feature_is_not_reduced_to_its_sign(how: str) -> None:
    """Two people of 1.7 and 1.9 m are not the same above the mean."""
    with pytest.raises(MetricInputError, match=r"one feature.*only the sign; use"):
        pm.cknna(ONE, Y, k=5, preprocess=how)
    assert pm.distance_correlation(ONE, X, preprocess="center") > 0


def test_one_feature_is_not_judged_by_its_sign() -> None:
    """Nor where a column that hardly varies stands beside it."""
    still = np.hstack([ONE, np.full((60, 1), 3.0)])
    with pytest.raises(MetricInputError, match="one feature"):
        residual(still, CrossFit(Y), ())


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_scaled_rows_are_the_same_whatever_their_scale(scale: float) -> None:
    """What is scaled anyway may come in any unit."""
    for metric in (pm.mutual_knn, pm.distance_correlation, pm.linear_cka):
        assert metric(scale * X, Y) == pytest.approx(metric(X, Y))
    assert standardised(scale * X) == pytest.approx(standardised(X))
    spec = pm.metric_spec("distance_correlation")
    far, near = (pm.assess(*(pm.prepare(v, specs=[spec]) for v in (x, Y)), spec)
                 for x in (scale * X, X))  # fmt: skip
    assert (far.low, far.high) == pytest.approx((near.low, near.high))


@pytest.mark.parametrize("scale", [1e200, 1e-200])
@pytest.mark.parametrize("how", ["none", "center"])
def test_the_reason_is_the_scale_where_it_is(scale: float, how: str) -> None:
    """Such rows are not all the same."""
    for metric in (pm.mutual_knn, pm.distance_correlation, pm.rsa):
        with pytest.raises(MetricInputError, match=r"the largest value of x is .*e.200, whose"):
            metric(scale * X, Y, preprocess=how)
