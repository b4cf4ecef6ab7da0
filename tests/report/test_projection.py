"""Maps of samples: for looking at, and true in what they say of themselves."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign.metrics.preprocessing import preprocess
from pytest_matalign.report import projection as maps

RNG = np.random.default_rng(3)


def test_a_plane_in_many_dimensions_is_shown_whole() -> None:
    """Points that lie in a plane lose nothing on a map (rows of one length keep their angles)."""
    angle = RNG.uniform(0, 2 * np.pi, 50)
    frame = np.linalg.qr(RNG.normal(size=(7, 2)))[0].T
    flat = np.column_stack([np.cos(angle), np.sin(angle)])
    flat = np.concatenate([flat, -flat])  # centred, so that preprocessing changes nothing
    made = maps.project((flat @ frame).astype(np.float32), "pca")
    assert made.explained is not None
    assert sum(made.explained) == pytest.approx(1.0)
    apart = np.linalg.norm(flat[:, None] - flat[None], axis=2)
    shown = np.linalg.norm(made.points[:, None] - made.points[None], axis=2)
    np.testing.assert_allclose(shown, apart, atol=1e-5)


def test_turning_a_map_undoes_a_rotation_and_a_mirror() -> None:
    """Two maps that differ by a turn and a mirror lie over each other."""
    points = RNG.normal(size=(30, 2))
    turned = points @ np.array([[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(turned @ maps.turn(turned, points), points, atol=1e-12)


def test_turning_keeps_distances() -> None:
    """Whatever the reference, a map is turned and never stretched."""
    turn = maps.turn(RNG.normal(size=(30, 2)), RNG.normal(size=(30, 2)))
    np.testing.assert_allclose(turn @ turn.T, np.eye(2), atol=1e-12)


def test_neighbours_are_those_of_the_embedding_nearest_first() -> None:
    """Against a slow search; a sample is not its own neighbour."""
    vectors = RNG.normal(size=(20, 5)).astype(np.float32)
    rows = vectors - vectors.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for sample, near in enumerate(maps.nearest(vectors, 4)):
        apart = np.linalg.norm(rows - rows[sample], axis=1)
        apart[sample] = np.inf
        assert list(near) == list(np.argsort(apart)[:4])


def test_neighbours_across_tiles_are_those_of_one_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of a tile is a matter of memory and of nothing else."""
    vectors = RNG.normal(size=(50, 5)).astype(np.float32)
    whole = maps.nearest(vectors, 6)
    monkeypatch.setattr(maps, "TILE", 7)
    np.testing.assert_array_equal(maps.nearest(vectors, 6), whole)


@pytest.mark.parametrize("shape", [(30, 8), (8, 30), (12, 12)])
def test_a_map_is_that_of_the_singular_value_decomposition(shape: tuple[int, int]) -> None:
    """Tall or wide, the two leading components up to their signs, and their shares."""
    vectors = RNG.normal(size=shape).astype(np.float32)
    made = maps.project(vectors, "pca")
    features = np.asarray(preprocess(vectors, maps.PREPROCESS), dtype=np.float64)
    left, singular, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(made.points), np.abs(left[:, :2] * singular[:2]), atol=1e-7)
    assert made.explained == pytest.approx(tuple(singular[:2] ** 2 / (singular**2).sum()))


def test_one_direction_alone_is_mapped() -> None:
    """An embedding of width 1 has a map whose second axis is empty."""
    made = maps.project(np.linspace(-1, 1, 9, dtype=np.float32)[:, None], "pca")
    assert made.points.shape == (9, 2)
    assert (made.points[:, 1] == 0).all()


def test_umap_where_it_is_installed() -> None:
    """The same map every time, one point a sample."""
    pytest.importorskip("umap", reason="umap-learn is not installed")
    vectors = RNG.normal(size=(40, 6)).astype(np.float32)
    first, second = (maps.project(vectors, "umap") for _ in range(2))
    assert first.points.shape == (40, 2)
    np.testing.assert_array_equal(first.points, second.points)
