"""Neighbours found by way of float32 are those that float64 finds by itself."""

import numpy as np
import pytest

from pytest_matalign.engine.search import neighbour_lists
from pytest_matalign.engine.spaces import Space

N, WIDTH = 400, 24


def _rows() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(N, WIDTH))


def _spread(rows: np.ndarray) -> np.ndarray:
    """Return rows of which some lie closer together than float32 can tell apart."""
    rows[1::40] = rows[::40] + 1e-6 * rows[1::40]
    rows[2::40] = rows[::40] + 1e-6 * rows[2::40]
    return rows


def _tied(rows: np.ndarray) -> np.ndarray:
    """Return rows of which some lie equally far from others, exactly."""
    rows[:60] = np.round(2 * rows[:60])
    return rows


CASES = {
    "ordinary": lambda rows: rows,
    "near ties": _spread,
    "ties": _tied,
    "a lattice": lambda rows: np.round(2 * rows),
    "copies": lambda rows: np.vstack([rows[:300], rows[:100]]),
    "far from the origin": lambda rows: rows + 1e6,
    "large numbers": lambda rows: rows * 1e30,
    "small numbers": lambda rows: rows * 1e-30,
    "one far out": lambda rows: rows * np.where(np.arange(N) == 7, 1e9, 1.0)[:, None],
}


def _by_float64(rows: np.ndarray, k: int, *, distance: bool) -> np.ndarray:
    if distance:
        close = -np.array([((rows - row) ** 2).sum(axis=1) for row in rows])
    else:
        close = (rows[:, None, :] * rows[None]).sum(axis=2)
    np.fill_diagonal(close, -np.inf)
    return -np.sort(-close, axis=1)[:, :k]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("distance", [False, True])
@pytest.mark.parametrize("k", [2, 10])
def test_lists_hold_the_closest_and_all_tied_with_the_last(case, distance, k):
    rows = CASES[case](_rows())
    space = Space(rows, name="x", how="none")
    lists = neighbour_lists(space, **{"by_distance" if distance else "by_product": k})[distance]
    expected = _by_float64(rows, k, distance=distance)
    others = rows[lists.ids]
    if distance:
        found = -((rows[:, None, :] - others) ** 2).sum(axis=2)
    else:
        found = (rows[:, None, :] * others).sum(axis=2)
    scale = np.abs(rows).max() ** 2 * WIDTH
    assert np.all(np.abs(found - expected) <= 1e-13 * scale)
    assert np.all(np.diff(lists.values) <= 0)
    assert all(len({*row}) == k for row in lists.ids)
    for row, other in zip(lists.tied_rows, lists.tied_ids, strict=True):
        assert other not in lists.ids[row]


@pytest.mark.parametrize("case", ["ordinary", "ties"])
@pytest.mark.parametrize("distance", [False, True])
def test_samples_that_are_nobodys_neighbours_change_no_list(case, distance):
    rows = CASES[case](_rows())
    away = np.random.default_rng(4).normal(size=(1500, WIDTH))
    # Far off; or so small that their products are nearly zero.
    many = np.vstack([rows, 40 + away if distance else 1e-3 * away])
    few, more = (
        neighbour_lists(
            Space(part, name="x", how="none"), **{"by_distance" if distance else "by_product": 5}
        )[distance]
        for part in (rows, many)
    )
    assert np.array_equal(more.ids[:N], few.ids)
