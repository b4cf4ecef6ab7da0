"""Closed-form permutation moments equal those over all permutations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from pytest_matalign.engine.null import Null
from pytest_matalign.engine.permutation import (
    Margins,
    pair_sums,
    permutation_covariance,
    symmetric_null,
    symmetric_sums,
)
from pytest_matalign.engine.products import DiagonalSums, _diagonal_moments
from pytest_matalign.metrics.cka import double_centred

N = 7


def _all_values(a, b):
    orders = np.array(list(itertools.permutations(range(N))))
    return np.einsum("ij,pij->p", a, b[orders[:, :, None], orders[:, None, :]])


def _matrix(rng, *, symmetric):
    a = rng.exponential(size=(N, N)) + 3.0
    np.fill_diagonal(a, 0.0)
    return a + a.T if symmetric else a


def _pair_sums(a, b):
    margins = [Margins(rows=m.sum(axis=1), columns=m.sum(axis=0)) for m in (a, b)]
    return pair_sums(*margins, same=float((a * b).sum()), turned=float((a * b.T).sum()))


def _symmetric_sums(a):
    whole = torch.from_numpy(a)
    return symmetric_sums(lambda start, stop: whole[start:stop], N)


@pytest.mark.parametrize("seed", range(3))
def test_covariance_of_two_sums_is_exact(seed):
    """Mean and covariance over all 5040 permutations come from per-space sums alone."""
    rng = np.random.default_rng(seed)
    a1, a2, b1, b2 = (_matrix(rng, symmetric=False) for _ in range(4))
    first, second = _all_values(a1, b1), _all_values(a2, b2)
    assert first.mean() == pytest.approx(a1.sum() * b1.sum() / (N * (N - 1)))
    cross = permutation_covariance(_pair_sums(a1, a2), _pair_sums(b1, b2), N)
    assert cross == pytest.approx(np.cov(first, second, bias=True)[0, 1])
    own = permutation_covariance(_pair_sums(a1, a1), _pair_sums(b1, b1), N)
    assert own == pytest.approx(first.var())


@pytest.mark.parametrize("seed", range(3))
def test_symmetric_sums_give_three_exact_moments(seed):
    """Mean, deviation and skewness over all permutations of symmetric matrices."""
    rng = np.random.default_rng(seed)
    a, b = (_matrix(rng, symmetric=True) for _ in range(2))
    values = _all_values(a, b)
    null = symmetric_null(_symmetric_sums(a), _symmetric_sums(b), N)
    assert null.mean == pytest.approx(values.mean())
    assert null.sd == pytest.approx(values.std())
    assert null.skewness == pytest.approx(stats.skew(values), abs=1e-9)


def test_doubly_centred_matrices_with_their_diagonal():
    """Kazi-Aoual's mean and variance hold for V-statistics."""
    rng = np.random.default_rng(5)
    a, b = (double_centred(_matrix(rng, symmetric=True)) for _ in range(2))
    values = _all_values(a, b)
    sums = [
        DiagonalSums(
            trace=float(np.trace(m)),
            squares=float((m * m).sum()),
            diagonal_squares=float((m.diagonal() ** 2).sum()),
        )
        for m in (a, b)
    ]
    mean, sd = _diagonal_moments(*sums, N)
    assert mean == pytest.approx(values.mean())
    assert sd == pytest.approx(values.std())


@pytest.mark.parametrize("skewness", [-0.8, -0.1, 0.0, 0.1, 0.8])
def test_tails_are_pearson_type_three(skewness):
    """Tails and quantiles are those of scipy's Pearson III with the same moments."""
    null = Null(mean=2.0, sd=0.5, skewness=skewness)
    reference = stats.pearson3(skewness, loc=2.0, scale=0.5)
    for value in (1.2, 2.0, 2.4, 3.3):
        assert null.upper_tail(value) == pytest.approx(reference.sf(value), rel=1e-6, abs=1e-12)
        assert null.beyond(value, higher=False).p_value == pytest.approx(
            reference.cdf(value), rel=1e-6, abs=1e-12
        )
    assert null.quantile(0.95) == pytest.approx(reference.ppf(0.95))
    assert null.beyond(0.0, higher=False).threshold == pytest.approx(reference.ppf(0.05))


def test_a_null_without_spread_still_answers():
    """A statistic no permutation changes has p = 1 at its value, and is never 0 beyond."""
    null = Null(mean=1.0, sd=0.0, skewness=0.0)
    assert null.upper_tail(1.0) == 1.0
    assert 0 < null.upper_tail(2.0) < 1e-200
