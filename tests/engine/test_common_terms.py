"""What all rows share, and what neighbourhoods exchange, in the influences of single metrics."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign import assess, metric_spec, prepare
from pytest_matalign.engine.prepare import prepare_parts
from pytest_matalign.engine.spaces import Space
from pytest_matalign.metrics.preprocessing import preprocess

PRODUCTS = (
    "distance_correlation", "distance_correlation_biased", "linear_cka", "linear_cka_biased",
)  # fmt: skip


def compared(views, name, how):
    spec = metric_spec(name, preprocess=how)
    x, y = (prepare_parts(Space(v, name="x", how=how), [spec])[spec] for v in views)
    return x.compare(y)


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_sample_moves_the_mean_that_is_taken_off_all_rows(name):
    """Influence with the mean in it, less that of rows given ready: the derivative by weights."""
    n, rng = 60, np.random.default_rng(0)
    x = rng.normal(size=(n, 5)) + 1
    views = x, x @ rng.normal(size=(5, 4)) + rng.normal(size=(n, 4))
    ready = [preprocess(view, "center-l2") for view in views]
    whole, rows_only = compared(views, name, "center-l2"), compared(ready, name, "none")
    found = whole.influence.samples - rows_only.influence.samples

    def weighted(i, step):
        weights = np.ones(n)
        weights[i] += step
        moved = [view - weights @ view / weights.sum() for view in views]
        scaled = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in moved]
        return metric_spec(name, preprocess="none").define(*scaled)[0]

    seen = np.array([(weighted(i, 1e-4) - weighted(i, -1e-4)) / 2e-4 for i in range(n)])
    assert found == pytest.approx(seen - seen.mean(), abs=1e-7)
    assert np.abs(found).max() > 1e-4
    assert whole.value == rows_only.value


@pytest.mark.parametrize("name", ["cknna", "mutual_knn", "information_imbalance"])
@pytest.mark.parametrize("k", [1, 3, 25])
def test_neighbours_of_a_model_with_itself_are_known_without_doubt(name, k):
    """Whoever enters a neighbourhood enters both: the value is the same for any samples."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 16)) + 0.3 * rng.normal(size=(200, 16))
    spec = metric_spec(name, k=k)
    one = prepare(x, specs=[spec])
    itself = assess(one, one, spec)
    assert itself.high - itself.low < 1e-9
    assert itself.low <= itself.value <= itself.high


def test_imbalance_of_nearly_equal_spaces_has_an_honest_width():
    """Over 60 draws: not many times the deviation seen, and the low end is no negative rank."""
    rng, spec = np.random.default_rng(1), metric_spec("information_imbalance")
    values, half_widths = [], []
    for _ in range(60):
        x = rng.normal(size=(100, 4))
        y = x + 0.1 * rng.normal(size=x.shape)
        found = assess(*(prepare(v, specs=[spec]) for v in (x, y)), spec)
        assert found.low > 0
        values.append(found.value)
        half_widths.append((found.high - found.low) / 2)
    assert np.mean(half_widths) / 1.96 == pytest.approx(np.std(values), rel=0.25)
