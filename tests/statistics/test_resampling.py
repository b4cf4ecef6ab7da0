"""Intervals and nulls by drawing agree with those in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign import assess, metric_spec, prepare
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.spec import METRICS
from resampling import (
    jackknife_interval,
    permutation_test,
    subsampling_interval,
)

SPECS = [metric_spec(name) for name in METRICS]
every_metric = pytest.mark.parametrize("spec", SPECS, ids=METRICS)
# A hundred and more maps of every sample take some seconds.
slowest = {"local_reconstruction_error": pytest.mark.slow}


def _views(n, *, noise=0.7):
    rng = np.random.default_rng(3)
    z = rng.normal(size=(n, 5))
    x = z @ rng.normal(size=(5, 12)) + noise * rng.normal(size=(n, 12))
    return x, z @ rng.normal(size=(5, 9)) + noise * rng.normal(size=(n, 9))


@pytest.mark.parametrize(
    "spec",
    [pytest.param(s, id=s.name, marks=slowest.get(s.name, ())) for s in SPECS],
)
def test_standard_errors_agree_with_assess(spec):
    """Subsampling and jackknife see about the error that the influences give."""
    x, y = _views(240)
    estimate = assess(prepare(x, specs=[spec]), prepare(y, specs=[spec]), spec)
    error = (estimate.high - estimate.low) / 2 / 1.96
    subsampled = subsampling_interval(x, y, spec, draws=60)
    jackknifed = jackknife_interval(x, y, spec, groups=20)
    assert subsampled.value == jackknifed.value == pytest.approx(estimate.value)
    assert 0.55 < subsampled.standard_error / error < 1.7
    assert 0.55 < jackknifed.standard_error / error < 2.6
    for interval in (subsampled, jackknifed):
        assert interval.low < interval.value < interval.high


@pytest.mark.parametrize("spec", SPECS[:7], ids=METRICS[:7])
def test_permutations_agree_with_assess(spec):
    """Drawn permutations have the closed form's moments and threshold."""
    x, y = _views(60, noise=6.0)
    estimate = assess(prepare(x, specs=[spec]), prepare(y, specs=[spec]), spec)
    drawn = permutation_test(x, y, spec, draws=199)
    assert drawn.null_mean == pytest.approx(estimate.null_mean, abs=0.4 * estimate.null_sd)
    assert drawn.null_sd == pytest.approx(estimate.null_sd, rel=0.25)
    assert drawn.p_value == pytest.approx(estimate.p_value, abs=0.12)
    assert drawn.calibrated == pytest.approx(estimate.calibrated, abs=0.1)


@every_metric
def test_a_space_with_itself_is_beyond_every_permutation(spec):
    """The smallest possible p-value, and a calibrated score of one."""
    x, _ = _views(50)
    drawn = permutation_test(x, x, spec, draws=19)
    assert drawn.p_value == 1 / 20
    assert permutation_test(x, x, spec, draws=39).calibrated == pytest.approx(1.0)


def test_seeds_decide_what_is_drawn():
    """The same seed repeats an interval to the bit; another gives another."""
    x, y = _views(100)
    spec = metric_spec("mutual_knn")
    one, same, other = (subsampling_interval(x, y, spec, draws=10, seed=seed) for seed in (1, 1, 2))
    assert one == same != other
    one, same, other = (jackknife_interval(x, y, spec, seed=seed) for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, y, s: subsampling_interval(x, y, s, fraction=1.0), "fraction of 1.0 of 80"),
        (lambda x, y, s: subsampling_interval(x, y, s, fraction=0.2), "is 16; cknna needs sub"),
        (lambda x, y, s: jackknife_interval(x, y, s, groups=2), "groups is 2"),
        (lambda x, y, s: jackknife_interval(x, y, s, groups=60), "80 samples are too few"),
        (lambda x, y, s: jackknife_interval(x, y, s, confidence=95), "confidence is 95"),
        (lambda x, y, s: permutation_test(x, y, s, draws=9), "draws is 9"),
    ],
)
def test_refused_with_a_reason(call, message):
    """Settings that could only mislead are refused."""
    with pytest.raises(MetricInputError, match=message):
        call(*_views(80), metric_spec("cknna"))
