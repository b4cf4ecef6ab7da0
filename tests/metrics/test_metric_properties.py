"""What each metric promises: symmetry, invariances, bounds, self-alignment."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_matalign import (
    cknna,
    distance_correlation,
    id_correlation,
    information_imbalance,
    intrinsic_dimension,
    linear_cka,
    mutual_knn,
    procrustes,
    pwcca,
    rbf_cka,
    rsa,
    svcca,
)


def _imbalance(x, y, **settings):
    return float(np.mean(information_imbalance(x, y, **settings)))


METRICS = {
    "cknna": lambda x, y, **s: cknna(x, y, k=8, **s),
    "mutual_knn": lambda x, y, **s: mutual_knn(x, y, k=8, **s),
    "distance_correlation": lambda x, y, **s: distance_correlation(x, y, **s),
    "distance_correlation_unbiased": lambda x, y, **s: distance_correlation(
        x, y, bias_corrected=True, **s
    ),
    "information_imbalance": _imbalance,
    "linear_cka": lambda x, y, **s: linear_cka(x, y, **s),
    "linear_cka_unbiased": lambda x, y, **s: linear_cka(x, y, unbiased=True, **s),
    "rbf_cka": lambda x, y, **s: rbf_cka(x, y, **s),
    "rsa": lambda x, y, **s: rsa(x, y, **s),
    "rsa_pearson": lambda x, y, **s: rsa(x, y, correlation="pearson", **s),
    "rsa_geotopological": lambda x, y, **s: rsa(x, y, quantiles=(0.1, 0.9), **s),
    "procrustes": lambda x, y, **s: procrustes(x, y, **s),
    "svcca": lambda x, y, **s: svcca(x, y, **s),
    "pwcca": lambda x, y, **s: pwcca(x, y, **s),
}
BOUNDED = dict.fromkeys(METRICS, 0.0) | {
    "distance_correlation_unbiased": -1.0,
    "linear_cka_unbiased": -1.0,
    "rsa": -1.0,
    "rsa_pearson": -1.0,
    "rsa_geotopological": -1.0,
    "cknna": -1.0,
}
every_metric = pytest.mark.parametrize("name", METRICS)
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=8, deadline=None)


def _views(seed, *, noise=0.6, n=48):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 4))
    x = z @ rng.normal(size=(4, 7)) + noise * rng.normal(size=(n, 7))
    y = z @ rng.normal(size=(4, 5)) + noise * rng.normal(size=(n, 5))
    return x, y, rng


@every_metric
@few
@given(seed=seeds)
def test_symmetric(name, seed):
    """Exchanging the spaces changes nothing (the imbalance: the mean of its directions)."""
    x, y, _ = _views(seed)
    assert METRICS[name](y, x) == pytest.approx(METRICS[name](x, y), abs=1e-9)


@pytest.mark.parametrize("name", sorted(set(METRICS) - {"pwcca"}))  # its weights know the axes
@few
@given(seed=seeds, scale=st.floats(0.01, 100), shift=st.floats(-20, 20))
def test_ignores_rotation_scale_and_shift(name, seed, scale, shift):
    """Under the default preprocessing no metric sees a rotation, a scale or a shift."""
    x, y, rng = _views(seed)
    rotation = np.linalg.qr(rng.normal(size=(7, 7)))[0]
    moved = scale * (x @ rotation) + shift
    assert METRICS[name](moved, y) == pytest.approx(METRICS[name](x, y), abs=1e-6)


@every_metric
@few
@given(seed=seeds)
def test_ignores_the_order_of_samples(name, seed):
    """The same permutation of both spaces changes nothing."""
    x, y, rng = _views(seed)
    order = rng.permutation(len(x))
    assert METRICS[name](x[order], y[order]) == pytest.approx(METRICS[name](x, y), abs=1e-9)


@every_metric
@few
@given(seed=seeds)
def test_bounded_and_best_with_itself(name, seed):
    """Values stay in their range; a space is aligned with itself as well as can be."""
    x, y, _ = _views(seed)
    value, own = METRICS[name](x, y), METRICS[name](x, x)
    if name == "information_imbalance":
        assert own == pytest.approx(2 / len(x))
        assert own <= value < 2
    else:
        assert own == pytest.approx(1.0, abs=1e-9)
        assert BOUNDED[name] - 1e-9 <= value <= 1 + 1e-9


@every_metric
def test_falls_as_noise_grows(name):
    """More noise on one view means less alignment, on average over draws."""
    levels = []
    for noise in (0.05, 0.5, 3.0):
        draws = [METRICS[name](*_views(seed, noise=noise)[:2]) for seed in range(6)]
        levels.append(float(np.mean(draws)))
    if name == "information_imbalance":
        levels = [-level for level in levels]
    assert levels[0] > levels[1] > levels[2]


@every_metric
def test_takes_torch_tensors_and_integers(name):
    """Tensors (with gradients, in bfloat16) and integers are as good as float64 arrays."""
    x, y, _ = _views(1)
    tensor = torch.tensor(x, requires_grad=True)
    assert METRICS[name](tensor, y) == METRICS[name](x, y)
    half = torch.tensor(x).bfloat16()
    assert METRICS[name](half, y) == METRICS[name](half.double().numpy(), y)
    whole = np.round(10 * x).astype(np.int32)
    assert METRICS[name](whole, y) == METRICS[name](whole.astype(float), y)


@pytest.mark.parametrize("name", ["cknna", "mutual_knn", "information_imbalance"])
def test_self_alignment_survives_duplicates(name):
    """Tied neighbours share their places; a space still agrees with itself fully."""
    x = np.repeat(np.random.default_rng(0).normal(size=(12, 3)), 5, axis=0)
    value = METRICS[name](x, x)
    # Of the five copies four are nearest together: mid-rank 2.5.
    assert value == pytest.approx(2 * 2.5 / 60 if name == "information_imbalance" else 1.0)


@pytest.mark.parametrize("method", ["twonn", "mle", "gride"])
@pytest.mark.parametrize("dimension", [2, 5])
def test_dimension_of_a_flat_sheet(method, dimension):
    """Uniform points on a sheet in 20 dimensions have the dimension of the sheet."""
    rng = np.random.default_rng(3)
    sheet = rng.uniform(size=(1500, dimension)) @ rng.normal(size=(dimension, 20))
    value = intrinsic_dimension(sheet, method=method, k=10)
    assert value == pytest.approx(dimension, rel=0.12)
    doubled = np.vstack([sheet, sheet])
    assert intrinsic_dimension(doubled, method=method, k=10) == value


def test_dimensions_add_up_only_for_unrelated_spaces():
    """The ID correlation is near 1 for a space with itself and near 0 for unrelated ones."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(1500, 2)), rng.uniform(size=(1500, 2))
    assert id_correlation(x, x @ rng.normal(size=(2, 6))) > 0.9
    assert abs(id_correlation(x, y)) < 0.25


def test_svcca_of_equal_spans_is_one():
    """Low-rank spaces that span the same are fully correlated whatever their width."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(60, 3))
    x, y = z @ rng.normal(size=(3, 30)), z @ rng.normal(size=(3, 11))
    assert svcca(x, y, variance=1.0, preprocess="none") == pytest.approx(1.0)
    assert pwcca(x, y, variance=1.0, preprocess="none") == pytest.approx(1.0)
