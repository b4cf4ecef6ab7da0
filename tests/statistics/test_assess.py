"""Assessments: the same bits everywhere, agreeing with the plain metrics, honest in width."""

from __future__ import annotations

import functools
import json

import msgspec
import numpy as np
import pytest
import torch

import pytest_matalign as pm
from pytest_matalign import (
    assess,
    assess_difference,
    assess_dimension,
    metric_spec,
    prepare,
)
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.spec import METRICS

SPECS = [metric_spec(name) for name in METRICS]
every_metric = pytest.mark.parametrize("spec", SPECS, ids=METRICS)
GATES = ["cknna", "mutual_knn", "distance_correlation", "information_imbalance", "linear_cka"]

# What users call; metrics without a pass of their own have their definition only.
PLAIN = {
    "cknna": pm.cknna,
    "mutual_knn": pm.mutual_knn,
    "distance_correlation": lambda x, y: pm.distance_correlation(x, y, bias_corrected=True),
    "distance_correlation_biased": pm.distance_correlation,
    "information_imbalance": lambda x, y: float(np.mean(pm.information_imbalance(x, y))),
    "linear_cka": lambda x, y: pm.linear_cka(x, y, unbiased=True),
    "rsa": pm.rsa,
    "procrustes": pm.procrustes,
    "linear_cka_biased": pm.linear_cka,
}


def _views(n=120, *, seed=0, noise=0.5):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 5))
    x = z @ rng.normal(size=(5, 12)) + noise * rng.normal(size=(n, 12))
    y = z @ rng.normal(size=(5, 9)) + noise * rng.normal(size=(n, 9))
    return x, y


@pytest.fixture(scope="module")
def prepared():
    return tuple(prepare(view, specs=SPECS) for view in _views())


@pytest.fixture(scope="module")
def found(prepared):
    """What `assess` says of the two, by metric: made once, as some take a second each."""
    return functools.cache(lambda spec: assess(*prepared, spec))


@every_metric
def test_value_is_that_of_the_plain_metric(spec, found):
    """Preparing first changes nothing but the work per pair."""
    estimate = found(spec)
    plain = PLAIN.get(spec.name, lambda x, y: spec.define(x, y)[0])
    assert estimate.value == pytest.approx(plain(*_views()), rel=1e-9)
    assert estimate.low < estimate.value < estimate.high
    assert (estimate.n, estimate.k, estimate.estimator) == (120, spec.k, spec.estimator)


@every_metric
def test_order_of_the_two_does_not_matter_to_the_last_bit(spec, prepared, found):
    """x with y and y with x are the same numbers; only the directions swap."""
    forth, back = found(spec), assess(*prepared[::-1], spec)
    assert msgspec.structs.replace(forth, directions=None) == msgspec.structs.replace(
        back, directions=None
    )
    if spec.name == "information_imbalance":
        assert forth.directions == back.directions[::-1]
        assert forth.directions == pytest.approx(pm.information_imbalance(*_views()))


@every_metric
def test_same_bits_whatever_else_is_prepared_and_on_however_many_threads(spec, found):
    """Neither other metrics, other models nor the number of threads change a bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2 if threads == 1 else 1)
    try:
        x, y = (prepare(view, specs=[spec]) for view in _views())
        assert assess(x, y, spec) == found(spec)
    finally:
        torch.set_num_threads(threads)


@every_metric
def test_plain_numbers_only(spec, found):
    """An estimate survives JSON."""
    estimate = msgspec.structs.asdict(found(spec))
    again = json.loads(json.dumps(estimate))
    again["directions"] = again["directions"] and tuple(again["directions"])
    assert again == estimate


@every_metric
def test_identical_models_are_certain(spec):
    """A model with itself has the best value, full calibration and no doubt about it."""
    x = prepare(_views()[0], specs=[spec])
    estimate = assess(x, x, spec)
    best = {"information_imbalance": 2 / 120}.get(
        spec.name, 0.0 if spec.direction == "lower" else 1.0
    )
    assert estimate.value == pytest.approx(best)
    assert estimate.calibrated == pytest.approx(1.0)
    assert estimate.p_value < 1e-6
    assert estimate.high - estimate.low < 0.02


@every_metric
def test_unrelated_models_are_nothing_special(spec):
    """Independent data: the value lies within the null and calibrates to about 0."""
    rng = np.random.default_rng(8)
    x, y = (prepare(rng.normal(size=(150, 10)), specs=[spec]) for _ in range(2))
    estimate = assess(x, y, spec)
    assert abs(estimate.value - estimate.null_mean) < 4 * estimate.null_sd
    assert estimate.p_value > 1e-3
    assert estimate.calibrated < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS[:6], ids=METRICS[:6])
def test_null_moments_agree_with_shuffling(spec):
    """Null mean and deviation are those of really permuted samples."""
    x, y = _views(60)
    estimate = assess(prepare(x, specs=[spec]), prepare(y, specs=[spec]), spec)
    rng = np.random.default_rng(0)
    values = [PLAIN[spec.name](x, y[rng.permutation(60)]) for _ in range(400)]
    assert np.mean(values) == pytest.approx(estimate.null_mean, abs=4 * estimate.null_sd / 20)
    assert np.std(values) == pytest.approx(estimate.null_sd, rel=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("name", GATES)
def test_intervals_cover_and_p_values_are_uniform(name):
    """A short simulation at n = 150: coverage near 95 %, level near 5 %.

    The long one, at n = 200 to 1,000 and over five populations, is benchmarks/interval_coverage.py.
    """
    spec = metric_spec(name)
    rng = np.random.default_rng(17)
    values, errors, p_values = [], [], []
    for _ in range(60):
        x, y = (
            prepare(view, specs=[spec]) for view in _views(150, seed=rng.integers(2**32), noise=1.5)
        )
        estimate = assess(x, y, spec)
        values.append(estimate.value)
        errors.append((estimate.high - estimate.low) / 2)
        stranger = prepare(rng.normal(size=(150, 9)), specs=[spec])
        p_values.append(assess(x, stranger, spec).p_value)
    # The population differs between draws of `_views` (its mixing matrix is drawn too), so the
    # deviation over draws is an upper bound for that within one population.
    ratio = np.mean(errors) / 1.96 / np.std(values)
    assert 0.3 < ratio < 1.5
    p = np.array(p_values)
    assert 0.35 < p.mean() < 0.65
    assert (p < 0.05).mean() < 0.17


def test_difference_is_paired():
    """What samples do to both alignments alike cancels: the pair is known better than each."""
    x, y = _views(200)
    close = y + 0.05 * np.random.default_rng(1).normal(size=y.shape)
    for name in GATES:
        spec = metric_spec(name)
        reference, candidate, baseline = (prepare(v, specs=[spec]) for v in (x, close, y))
        single = assess(candidate, reference, spec)
        pair = assess_difference(candidate, baseline, reference, spec)
        assert pair.high - pair.low < 0.6 * (single.high - single.low)
        assert pair.low <= pair.value <= pair.high
        assert pair.value == pytest.approx(
            single.value - assess(baseline, reference, spec).value, abs=1e-12
        )


@every_metric
def test_nothing_changed_means_a_difference_of_exactly_zero(spec, prepared):
    """A candidate equal to its baseline: value, interval and p-value say so exactly."""
    x, y = prepared
    pair = assess_difference(x, x, y, spec)
    assert (pair.value, pair.low, pair.high, pair.p_value) == (0.0, 0.0, 0.0, 1.0)
    assert pair.samples_needed == 120


@pytest.mark.parametrize("name", GATES)
def test_a_regression_shows_in_the_metrics_own_direction(name):
    """A noisy candidate has a small p-value, high or low being better; a tolerance forgives."""
    spec = metric_spec(name)
    x, y = _views(200)
    worse = y + 2.0 * np.random.default_rng(1).normal(size=y.shape)
    reference, candidate, baseline = (prepare(v, specs=[spec]) for v in (x, worse, y))
    loss = assess_difference(candidate, baseline, reference, spec)
    assert (loss.value < 0) == (spec.direction == "higher")
    assert loss.p_value < 1e-3
    assert loss.samples_needed < 200
    forgiven = assess_difference(candidate, baseline, reference, spec, tolerance=2.0)
    assert forgiven.p_value > 0.99
    assert assess_difference(baseline, candidate, reference, spec).p_value > 0.99


def test_composition_like_models_with_many_ties_work():
    """A model of a few distinct rows (element counts) is compared like any other."""
    rng = np.random.default_rng(2)
    kinds = rng.integers(0, 6, size=150)
    x = rng.normal(size=(6, 4))[kinds]
    y = rng.normal(size=(6, 8))[kinds] + 0.3 * rng.normal(size=(150, 8))
    for name in GATES:
        spec = metric_spec(name)
        a, b = prepare(x, specs=[spec]), prepare(y, specs=[spec])
        estimate = assess(a, b, spec)
        numbers = [v for v in msgspec.structs.astuple(estimate) if isinstance(v, float)]
        assert len(numbers) == 8
        assert np.isfinite(numbers).all()
        assert estimate.p_value < 1e-4
        itself = assess(a, a, spec)
        if spec.direction == "higher":
            assert itself.value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metric_spec("cka"), r"unknown metric 'cka'; choose one of cknna, mutual_knn"),
        (lambda: metric_spec("rsa", k=3), r"metric rsa has no neighbours"),
        (lambda: metric_spec("cknna", k=0), r"k is 0 for metric cknna"),
        (lambda: metric_spec("cknna", preprocess="unit"), r"unknown preprocess 'unit'"),
        (lambda: prepare(np.eye(5), specs=SPECS), r"5 samples are too few"),
        (lambda: prepare(np.ones((50, 2)), specs=SPECS), r"every row of the embedding is the same"),
        (
            lambda: assess_dimension(np.random.default_rng(0).normal(size=(30, 3))),
            r"30 samples are too few",
        ),
    ],
)
def test_refused_with_a_reason(call, message):
    """Wrong names and unusable embeddings are refused before any work."""
    with pytest.raises(MetricInputError, match=message):
        call()


def test_embeddings_must_be_prepared_alike(prepared):
    """Different samples, seeds or metrics are never compared."""
    spec = metric_spec("mutual_knn")
    x = prepared[0]
    for other, message in [
        (prepare(_views(60)[0], specs=SPECS[:2]), "one embedding has 120 samples"),
        (prepare(_views()[0], specs=SPECS[:2], seed=1), "prepared with seed 0, the other with 1"),
        (prepare(_views()[0], specs=SPECS[:1]), "not prepared for mutual_knn"),
    ]:
        with pytest.raises(MetricInputError, match=message):
            assess(x, other, spec)
    with pytest.raises(MetricInputError, match="confidence is 95"):
        assess(*prepared, spec, confidence=95)
    with pytest.raises(MetricInputError, match=r"tolerance is -0.1"):
        assess_difference(x, x, x, spec, tolerance=-0.1)


@pytest.mark.parametrize("method", ["twonn", "mle", "gride"])
def test_dimension_interval_contains_the_dimension(method):
    """The interval of a flat three-dimensional sheet brackets three, and narrows with n."""
    rng = np.random.default_rng(0)
    widths = []
    for n in (300, 1500):
        estimate = assess_dimension(rng.uniform(size=(n, 3)) @ np.eye(3, 8), method=method, k=8)
        assert estimate.low - 0.2 < 3 < estimate.high + 0.2
        assert (estimate.n, estimate.distinct) == (n, n)
        widths.append(estimate.high - estimate.low)
    assert widths[1] < widths[0]
