"""All pairs at once: the metrics' own values, and intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest

import pytest_matalign as pm
from pytest_matalign import assess, metric_spec, prepare
from pytest_matalign.analysis.interval import (
    Interval,
    jackknife_interval,
    ratio_interval,
    sample_groups,
)
from pytest_matalign.analysis.pairs import pair_matrix, pair_table
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.spec import TABLE

PLAIN = {
    "cknna": pm.cknna,
    "mutual_knn": pm.mutual_knn,
    "distance_correlation": lambda x, y: pm.distance_correlation(x, y, bias_corrected=True),
    "distance_correlation_biased": pm.distance_correlation,
    "linear_cka": lambda x, y: pm.linear_cka(x, y, unbiased=True),
    "linear_cka_biased": pm.linear_cka,
    "information_imbalance": lambda x, y: pm.information_imbalance(x, y)[0],
    "rsa": pm.rsa,
    "procrustes": pm.procrustes,
}


def _views(n=120, *, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 5))
    return {
        name: z @ rng.normal(size=(5, d)) + 0.5 * rng.normal(size=(n, d))
        for name, d in (("a", 12), ("b", 9), ("c", 30))
    }


WITHOUT_PASS = [name for name, row in TABLE.items() if row.engine == "definition"]


@pytest.mark.parametrize("name", WITHOUT_PASS)
def test_a_metric_whose_dependence_on_samples_is_not_known_is_refused(name):
    with pytest.raises(MetricInputError, match="choose a metric with a pass"):
        pair_table(_views(), metric_spec(name), split="s")


@pytest.mark.parametrize("name", sorted(TABLE.keys() - set(WITHOUT_PASS)))
def test_values_are_those_of_the_metrics(name):
    """Taking all pairs at once changes no value, with replicates or without."""
    views = _views()
    matrix = pair_matrix(list(views.values()), metric_spec(name))
    table = pair_table(views, metric_spec(name), split="s")
    np.testing.assert_allclose(table.values, matrix, rtol=1e-9)
    for i, x in enumerate(views.values()):
        for j, y in enumerate(views.values()):
            if i != j:
                assert matrix[i, j] == pytest.approx(PLAIN[name](x, y), rel=1e-9)


@pytest.mark.parametrize("name", ["cknna", "distance_correlation"])
def test_jackknife_is_about_as_wide_as_the_influence_interval(name):
    """Between nine tenths and twice as wide: never much too narrow."""
    spec, views = metric_spec(name), _views(300)
    table = pair_table(views, spec, split="s")
    sides = [prepare(views[m], specs=[spec]) for m in ("a", "b")]
    estimate = assess(*sides, spec)
    found = table.pair("a", "b")
    ratio = (found.high - found.low) / (estimate.high - estimate.low)
    assert 0.7 < ratio < 2.2


@pytest.mark.parametrize("name", ["cknna", "linear_cka", "information_imbalance"])
def test_replicates_are_about_what_leaving_out_samples_gives(name):
    """To first order: deviations of whole tables made anew, without the change of level."""
    views, spec, groups = _views(400), metric_spec(name), 20
    table = pair_table(views, spec, split="s", groups=groups)
    dealt = sample_groups(400, groups=groups)
    again = np.stack(
        [pair_matrix([x[dealt != g] for x in views.values()], spec) for g in range(groups)]
    )
    for i, j in ((0, 1), (1, 2), (2, 0)):
        quick, slow = table.replicates[:, i, j], again[:, i, j]
        assert np.corrcoef(quick, slow)[0, 1] > 0.7
        assert 0.4 < quick.std() / slow.std() < 1.4


def test_rows_of_a_cluster_are_left_out_together():
    """Copies of a sample count once: intervals of doubled data are as wide as before."""
    views, spec = _views(200), metric_spec("linear_cka")
    single = pair_table(views, spec, split="s").pair("a", "b")
    doubled = {name: np.repeat(x, 2, axis=0) for name, x in views.items()}
    clusters = np.repeat(np.arange(200), 2)
    found = pair_table(doubled, spec, split="s", clusters=clusters).pair("a", "b")
    naive = pair_table(doubled, spec, split="s").pair("a", "b")
    width = single.high - single.low
    assert found.high - found.low == pytest.approx(width, rel=0.1)
    assert naive.high - naive.low < 0.9 * width


def test_unequal_rows_are_refused():
    """The message says what to do."""
    views = _views()
    with pytest.raises(MetricInputError, match="samples all of them have"):
        pair_table({**views, "d": views["a"][:100]}, metric_spec("cknna"), split="s")


def test_collapsed_embedding_is_refused():
    """A space without geometry has no alignment."""
    with pytest.raises(MetricInputError, match="no geometry"):
        pair_matrix([np.ones((50, 3)), _views(50)["a"]], metric_spec("distance_correlation"))


def test_part_of_a_table_keeps_its_values():
    """Cutting models changes neither values nor replicates."""
    table = pair_table(_views(), metric_spec("linear_cka"), split="s")
    part = table.only(["c", "a"])
    assert part.pair("c", "a") == table.pair("a", "c")


def test_mean_over_no_pair_is_refused():
    """An average of nothing is not zero."""
    table = pair_table(_views(), metric_spec("linear_cka"), split="s")
    with pytest.raises(MetricInputError, match="no pair"):
        table.mean([])


def test_jackknife_interval_of_a_mean_covers_it():
    """Nineteen of twenty intervals of a mean hold the truth, give or take chance."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        x = rng.normal(size=100)
        left_out = [np.delete(x, np.arange(g, 100, 20)).mean() for g in range(20)]
        interval = jackknife_interval(x.mean(), left_out)
        hits += interval.low <= 0 <= interval.high
    assert 0.92 <= hits / 400 <= 0.98


def test_ratio_interval_of_constant_ratio_has_no_width():
    """Top proportional to bottom leaves no doubt."""
    bottom = np.random.default_rng(0).random(50) + 0.1
    found = ratio_interval(0.3 * bottom, bottom)
    assert (found.low, found.high) == pytest.approx((0.3, 0.3))


def test_difference_of_independent_intervals_adds_in_quadrature():
    """3 and 4 make 5."""
    a = Interval(value=1.0, low=0.7, high=1.3)
    b = Interval(value=0.5, low=0.1, high=0.9)
    difference = a.minus(b)
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.5, 0.0, 1.0))
