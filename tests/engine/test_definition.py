"""A metric is one file and one row: with its definition alone it has everything the others have."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign import alignment_matrix, assess, assess_difference, metric_spec, prepare
from pytest_matalign.engine import matrix
from pytest_matalign.metrics import spec as table
from pytest_matalign.metrics.arrays import as_pair
from pytest_matalign.metrics.cka import rbf_cka
from pytest_matalign.metrics.preprocessing import preprocess as prepared


def _left_over(x, y, *, preprocess="center-l2"):
    """Share of one space's variance that no linear map of the other explains, both ways."""
    a, b = (prepared(side, preprocess) for side in as_pair(x, y))
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)

    def share(source, target):
        rest = target - source @ np.linalg.lstsq(source, target, rcond=None)[0]
        return float((rest**2).sum() / (target**2).sum())

    return share(a, b), share(b, a)


ROWS = (
    table.Estimator(name="rbf_cka", estimator="rbf-cka/1", definition=rbf_cka),
    table.Estimator(
        name="left_over",
        estimator="left-over/1",
        definition=_left_over,
        direction="lower",
        directed=True,
        best=lambda _n, _k: 0.0,
    ),
)


@pytest.fixture(autouse=True)
def rows(monkeypatch):
    longer = dict(table.TABLE) | {row.name: row for row in ROWS}
    monkeypatch.setattr(table, "TABLE", longer)
    monkeypatch.setattr(matrix, "TABLE", longer)


def _views(n=150):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(n, 4))
    x, y = (z @ rng.normal(size=(4, d)) + 0.5 * rng.normal(size=(n, d)) for d in (9, 7))
    return x, y, rng.normal(size=(n, 5))


@pytest.mark.parametrize("name", [row.name for row in ROWS])
def test_a_row_is_enough_for_values_intervals_nulls_and_differences(name):
    """The value is the definition's; related spaces stand out, strangers do not."""
    spec = metric_spec(name)
    x, y, stranger = (prepare(view, specs=[spec]) for view in _views())
    found, nothing = assess(x, y, spec), assess(x, stranger, spec)
    value, directions = spec.define(*_views()[:2])
    assert found.value == pytest.approx(value, rel=1e-9)
    assert (found.directions is None) == (directions is None)
    assert found.low < found.value < found.high
    assert found.p_value < 1e-6 < nothing.p_value
    assert nothing.calibrated < 0.1 < found.calibrated
    loss = assess_difference(stranger, y, x, spec)
    assert (loss.value < 0) == (spec.direction == "higher")
    assert loss.p_value < 1e-3


def test_a_row_is_enough_for_all_pairs():
    """Directed values keep their direction."""
    views = dict(zip("xyz", _views(), strict=True))
    found = alignment_matrix(views, metrics=["left_over"], precision="float64", statistics=True)
    forth, back = _left_over(views["x"], views["y"])
    assert found.pair("left_over", "x", "y") == pytest.approx(forth)
    assert found.pair("left_over", "y", "x") == pytest.approx(back)
    assert found.statistics["left_over"].value[0, 1] == pytest.approx((forth + back) / 2)
