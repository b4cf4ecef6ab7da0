"""All pairs at once: the same values, errors and nulls as one pair at a time."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign import assess, metric_spec, prepare
from pytest_matalign.errors import MetricInputError
from pytest_matalign.statistics import matrix_overlap
from pytest_matalign.statistics.matrix import MATRIX_METRICS, assess_matrix

SPECS = {name: metric_spec(name) for name in MATRIX_METRICS}
every_metric = pytest.mark.parametrize("name", MATRIX_METRICS)


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
    return assess_matrix(models), prepared


@every_metric
def test_values_and_nulls_are_those_of_single_pairs(both, name):
    """Float32 passes give the same values; null moments come from the same formulas."""
    matrix, prepared = both
    for i, x in enumerate(prepared):
        for j, y in enumerate(prepared):
            one = assess(x, y, SPECS[name])
            assert matrix[name].value[i, j] == pytest.approx(one.value, rel=1e-4, abs=1e-6)
            assert matrix[name].null_mean[i, j] == pytest.approx(one.null_mean, rel=1e-4, abs=1e-9)
            assert matrix[name].null_sd[i, j] == pytest.approx(one.null_sd, rel=0.03)


@every_metric
def test_intervals_are_nearly_those_of_single_pairs(both, name):
    """Shortcuts for many pairs move a standard error by some percent at most."""
    matrix, prepared = both
    for i in range(4):
        for j in range(i + 1, 4):
            one = assess(prepared[i], prepared[j], SPECS[name])
            width = matrix[name].high[i, j] - matrix[name].low[i, j]
            assert width == pytest.approx(one.high - one.low, rel=0.15)
            assert width == matrix[name].high[j, i] - matrix[name].low[j, i]


@every_metric
def test_only_related_models_are_beyond_chance(both, name):
    """Related models have small p-values, a stranger has not."""
    matrix, _ = both
    assert (matrix[name].p_value[:3, :3] < 1e-6).all()
    assert (matrix[name].p_value[3, :3] > 1e-4).all()


def test_small_blocks_add_up_to_the_same(both, monkeypatch):
    """Any block size gives the same numbers."""
    monkeypatch.setattr(matrix_overlap, "_TABLE", 1)
    again = assess_matrix(_models(), memory=1)
    for name in MATRIX_METRICS:
        for field in ("value", "low", "high", "null_sd"):
            np.testing.assert_allclose(
                getattr(again[name], field), getattr(both[0][name], field), rtol=1e-4, atol=1e-6
            )


def test_only_what_is_asked_for():
    """Metrics can be chosen, with their k and level."""
    result = assess_matrix(
        _models(120), metrics=["mutual_knn"], k={"mutual_knn": 5}, confidence=0.5
    )
    assert list(result) == ["mutual_knn"]
    spec = metric_spec("mutual_knn", k=5)
    x, y = (prepare(_models(120)[name], specs=[spec]) for name in ("m0", "m1"))
    one = assess(x, y, spec, confidence=0.5)
    assert result["mutual_knn"].value[0, 1] == pytest.approx(one.value)
    assert result["mutual_knn"].low[0, 1] == pytest.approx(one.low, rel=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": ["procrustes"]}, "unknown metrics procrustes; choose from cknna"),
        ({"confidence": 95}, "confidence is 95"),
        ({"k": {"cknna": 400}}, "k is 400, but 400 samples"),
    ],
)
def test_settings_are_checked_first(change, message):
    """Wrong settings are refused before any pass."""
    with pytest.raises(MetricInputError, match=message):
        assess_matrix(_models(), **change)
