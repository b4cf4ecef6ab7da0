"""All pairs at once: the same values, errors and nulls as one pair at a time."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign import alignment_matrix, assess, metric_spec, prepare
from pytest_matalign.metrics.spec import METRICS

# Metrics without a pass of their own go one way; the cheapest stands for them.
NAMES = [name for name in METRICS if name != "local_reconstruction_error"]
SPECS = {name: metric_spec(name) for name in NAMES}
FIELDS = ("value", "error", "null_mean", "null_sd", "p_value")
every_metric = pytest.mark.parametrize("name", NAMES)


def _models(n=400):
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(n, 6))
    models = {
        f"m{i}": latent @ rng.normal(size=(6, width)) + noise * rng.normal(size=(n, width))
        for i, (width, noise) in enumerate([(12, 0.3), (20, 1.0), (16, 2.5)])
    }
    return models | {"stranger": rng.normal(size=(n, 10))}


@pytest.fixture(scope="module")
def both():
    models = _models()
    prepared = [prepare(x, specs=SPECS.values()) for x in models.values()]
    matrix = alignment_matrix(models, metrics=NAMES, statistics=True, precision="float64")
    return matrix, prepared


def _half_width(alignment):
    """Half an interval; of errors, which are never negative, on the scale of their logarithm."""
    low, high = alignment.low, alignment.high
    if SPECS[alignment.metric].direction == "lower" and alignment.value > 0:
        return alignment.value * np.log(high / low) / 2
    return (high - low) / 2


@every_metric
def test_values_errors_and_nulls_are_those_of_single_pairs(both, name):
    """One pass over all spaces gives what `assess` gives for each pair."""
    matrix, prepared = both
    found = matrix.statistics[name]
    for i, x in enumerate(prepared):
        for j, y in enumerate(prepared[i:], i):
            one = assess(x, y, SPECS[name])
            expected = (
                one.value,
                _half_width(one) / 1.959963984540054,
                one.null_mean,
                one.null_sd,
                one.p_value,
            )
            for field, number in zip(FIELDS, expected, strict=True):
                value = getattr(found, field)[i, j]
                # Permutations that are drawn depend on which of the two spaces is shuffled.
                drawn = field == "p_value" or (
                    SPECS[name].row.engine in {"rotation", "definition"}
                    and field.startswith("null")
                )
                if not drawn:
                    assert value == pytest.approx(number, rel=1e-6, abs=1e-7), field
                assert value == getattr(found, field)[j, i]


@every_metric
def test_float32_is_nearly_as_good(both, name):
    """Values to 1e-4, errors and nulls to a few percent."""
    again = alignment_matrix(_models(), metrics=[name], statistics=True).statistics[name]
    exact = both[0].statistics[name]
    off = ~np.eye(4, dtype=bool)
    np.testing.assert_allclose(again.value[off], exact.value[off], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(again.error[off], exact.error[off], rtol=0.02)
    np.testing.assert_allclose(again.null_sd, exact.null_sd, rtol=0.02)


@pytest.mark.parametrize("name", ["cknna", "distance_correlation", "information_imbalance"])
def test_matrices_that_are_not_held_give_the_same(both, name, monkeypatch):
    """Many samples: distances are made anew in small blocks instead of being kept."""
    for module in ("matrix", "imbalance"):
        monkeypatch.setattr(f"pytest_matalign.engine.{module}.HELD", 0)
    monkeypatch.setattr("pytest_matalign.engine.tiles._LARGEST", 37)
    monkeypatch.setattr("pytest_matalign.engine.overlap._TABLE", 1)
    again = alignment_matrix(
        _models(), metrics=[name], statistics=True, precision="float64", keep=False
    ).statistics[name]
    for field in FIELDS[:4]:
        expected = getattr(both[0].statistics[name], field)
        np.testing.assert_allclose(getattr(again, field), expected, rtol=1e-6, atol=1e-7)


@every_metric
def test_only_related_models_are_beyond_chance(both, name):
    """Related models have small p-values, a stranger has not."""
    p_value = both[0].statistics[name].p_value
    assert (p_value[:3, :3] < 1e-6).all()
    assert (p_value[3, :3] > 1e-4).all()


def test_statistics_are_kept_in_a_checkpoint(both, tmp_path):
    """What one run worked out another reads."""
    settings = {"metrics": ["mutual_knn"], "statistics": True, "checkpoint": tmp_path}
    first = alignment_matrix(_models(), **settings)
    seen = []
    again = alignment_matrix(_models(), progress=lambda *a: seen.append(a[0]), **settings)
    assert "statistics of mutual_knn" not in seen
    for field in FIELDS:
        one, other = (getattr(m.statistics["mutual_knn"], field) for m in (first, again))
        np.testing.assert_array_equal(one, other)
