"""Bad input is refused in one sentence that says what, where and what to do."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign import (
    cknna,
    information_imbalance,
    intrinsic_dimension,
    linear_cka,
    mutual_knn,
    rsa,
    svcca,
)
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.preprocessing import PREPROCESSES, preprocess

X = np.random.default_rng(0).normal(size=(30, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mutual_knn(X, X[:20]), r"x has 30 rows and y has 20"),
        (lambda: mutual_knn(X, X[:, None, None]), r"y has shape \(30, 1, 1, 4\)"),
        (lambda: mutual_knn(X, np.where(X > 2, np.nan, X)), r"y holds nan at row \d+, column"),
        (lambda: mutual_knn(X, X, k=30), r"k is 30, but 30 samples"),
        (lambda: mutual_knn(X[:2], X[:2], k=1), r"2 samples are too few"),
        (lambda: mutual_knn(X, "no"), r"y is a str"),
        (lambda: mutual_knn(X, X.astype(complex)), r"y holds complex128"),
        (lambda: mutual_knn(X, X, preprocess="l1"), r"unknown preprocess 'l1'; choose one of none"),
        (
            lambda: mutual_knn(np.abs(X), -np.abs(X), preprocess="max"),
            r"row 0 of y has no positive",
        ),
        (lambda: linear_cka(X, np.ones((30, 3))), r"every row of y is the same"),
        (lambda: cknna(X, X, estimator="huh"), r"unknown CKNNA estimator 'huh'"),
        (lambda: rsa(X, X, distance="manhattan"), r"unknown RSA distance 'manhattan'"),
        (lambda: rsa(X, X, correlation="kendall"), r"unknown RSA correlation 'kendall'"),
        (lambda: rsa(X, X, quantiles=(0.9, 0.1)), r"0 <= low < up <= 1"),
        (lambda: rsa(X, np.eye(30), preprocess="none"), r"samples of y are equally far apart"),
        (lambda: svcca(X, X, variance=0), r"variance is 0"),
        (lambda: information_imbalance(X, X, k=0), r"k is 0"),
        (lambda: intrinsic_dimension(X, method="pca"), r"unknown dimension method 'pca'"),
        (lambda: intrinsic_dimension(X, method="mle", k=50), r"30 samples are too few"),
        (lambda: intrinsic_dimension(X, method="mle", k=1), r"needs at least 2 neighbours"),
    ],
)
def test_refused_with_a_reason(call, message):
    """The message names the array, the place or the setting."""
    with pytest.raises(MetricInputError, match=message):
        call()


def test_each_preprocess_does_what_it_says():
    """Column means, row lengths and row maxima come out as documented."""
    x = np.abs(X) + 1
    assert preprocess(x, "none") == pytest.approx(x)
    assert np.linalg.norm(preprocess(x, "l2"), axis=1) == pytest.approx(1)
    assert preprocess(x, "center").mean(axis=0) == pytest.approx(0, abs=1e-12)
    assert np.linalg.norm(preprocess(x, "center-l2"), axis=1) == pytest.approx(1)
    assert preprocess(x, "max").max(axis=1) == pytest.approx(1)
    clipped = preprocess(np.vstack([x, 1000 * x[:1]]), "prh")
    assert clipped[-1] == pytest.approx(0.5)  # all four entries were cut to the same bound
    assert set(PREPROCESSES) == {"none", "l2", "center", "center-l2", "max", "prh"}


def test_a_constant_column_is_nothing_after_centring():
    """Rounding of its mean must not become a feature that row scaling then magnifies."""
    x = np.hstack([np.full((30, 1), 0.1), np.zeros((30, 1))])
    x[0, 1] = 1.0
    assert not preprocess(x, "center-l2")[:, 0].any()


def test_input_is_left_as_it_was():
    """No metric writes into the caller's arrays."""
    x, before = X.copy(), X.copy()
    for how in PREPROCESSES[:4]:
        mutual_knn(x, x, preprocess=how)
        information_imbalance(x, x, preprocess=how)
        linear_cka(x, x, preprocess=how)
    assert (x == before).all()
