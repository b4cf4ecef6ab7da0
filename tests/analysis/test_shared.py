"""Shared structure beyond covariates: its value, its error, its weights."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign.analysis.partial import CrossFit
from pytest_matalign.analysis.shared import (
    JUDGED,
    chance,
    profiles,
    residual,
    sample_agreement,
    shared,
    standardised,
    weights,
)
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.cknna import cknna
from pytest_matalign.metrics.distance_correlation import distance_correlation
from pytest_matalign.metrics.spec import metric_spec

pytestmark = pytest.mark.slow

SPECS = tuple(metric_spec(name, k=10 if name == "cknna" else None) for name in JUDGED)


def population(n, rng, *, noise=0.7):
    """A candidate, a baseline and two references that share a latent beyond a covariate."""
    covariate, latent = rng.normal(size=(n, 4)), rng.normal(size=(n, 6))

    def see(noise):
        turn = rng.normal(size=(10, 24))
        seen = np.hstack([covariate, latent]) @ turn
        return seen + noise * seen.std() * rng.normal(size=seen.shape)

    return covariate, [see(noise), see(2 * noise), see(0.5), see(0.5)]


def test_value_is_the_weighted_mean_of_the_plain_metric_on_residuals():
    """No second definition: the public pair functions on what the covariates leave agree."""
    covariate, spaces = population(120, np.random.default_rng(0))
    crossfit = CrossFit(covariate)
    left = [residual(x, crossfit, SPECS) for x in spaces]
    given = np.array([0.25, 0.75])
    plain = {
        "cknna": lambda x, y: cknna(x, y, k=10),
        "distance_correlation": lambda x, y: distance_correlation(x, y, bias_corrected=True),
    }
    for spec in SPECS:
        found = shared(left[0], left[2:], given, spec)
        pairs = [plain[spec.name](left[0].rows, other.rows) for other in left[2:]]
        assert found.value == pytest.approx(float(given @ pairs), abs=1e-6)
        assert chance(left[0], left[2:], given, spec) < found.value / 2


def test_identical_models_differ_by_nothing_with_no_error():
    """Paired: what the samples do to both cancels wholly."""
    covariate, spaces = population(100, np.random.default_rng(1))
    left = [residual(x, CrossFit(covariate), SPECS) for x in spaces]
    for spec in SPECS:
        one = shared(left[0], left[2:], np.array([0.5, 0.5]), spec)
        difference, error = one.minus(one)
        assert difference == 0
        assert error == pytest.approx(0, abs=1e-7)


def test_intervals_of_values_and_of_differences_cover():
    """Of 60 draws at n = 150 at least 52 intervals hold the mean; cross-fitting is in the draws."""
    rng = np.random.default_rng(2)
    turns = [rng.normal(size=(10, 24)) for _ in range(4)]
    values, errors = [], []
    for _ in range(60):
        seen = rng.normal(size=(150, 10))
        spaces = [
            seen @ turn + noise * rng.normal(size=(150, 24))
            for turn, noise in zip(turns, (2.0, 4.0, 1.5, 1.5), strict=True)
        ]
        crossfit = CrossFit(seen[:, :4])
        left = [residual(x, crossfit, SPECS) for x in spaces]
        for spec in SPECS:
            new, old = (shared(x, left[2:], np.array([0.5, 0.5]), spec) for x in left[:2])
            difference, error = new.minus(old)
            values.append((new.value, difference))
            errors.append((new.error, error))
    by_metric = np.array(values).reshape(60, 2, 2)
    inside = np.abs(by_metric - by_metric.mean(axis=0)) <= 1.96 * np.array(errors).reshape(60, 2, 2)
    assert (inside.sum(axis=0) >= 52).all()


def test_one_dominant_direction_does_not_hide_the_others():
    """Columns are standardised: a feature of a hundred times the spread is one of many."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(100, 8))
    loud = x.copy()
    loud[:, 0] *= 1000
    assert standardised(loud) == pytest.approx(standardised(x))


def test_rounding_of_a_constant_feature_is_left_out():
    """What hardly varies is not blown up to a feature."""
    rng = np.random.default_rng(3)
    x = np.hstack([rng.normal(size=(50, 3)), 5 + 1e-7 * rng.normal(size=(50, 1))])
    assert standardised(x).shape == (50, 3)
    with pytest.raises(MetricInputError, match="every row"):
        standardised(np.ones((50, 3)))


def test_siblings_and_one_corpus_share_a_weight():
    """Five siblings count as one model, and families of one corpus share part of theirs."""
    alone = weights(["a", "b", "b", "b"], ["p", "q", "q", "q"])
    assert alone == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6])
    together = weights(["a", "b", "c"], ["p", "p", "q"])
    assert together == pytest.approx([1 / 4, 1 / 4, 1 / 2])


def test_profiles_tell_samples_apart():
    """Agreement of a sample with itself is 1, with that of unrelated rows about 0."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(200, 5))
    assert sample_agreement(profiles(x), profiles(3 * x + 1)) == pytest.approx(np.ones(200))
    unrelated = sample_agreement(profiles(x), profiles(rng.normal(size=(200, 5))))
    assert abs(unrelated.mean()) < 0.05
