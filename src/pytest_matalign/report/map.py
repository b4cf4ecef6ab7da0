"""Two-dimensional maps of an embedding, for looking at; no number is read off them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

import numpy as np

from pytest_matalign.metrics.preprocessing import preprocess

if TYPE_CHECKING:
    from numpy.typing import NDArray

Method = Literal["pca", "umap"]
PREPROCESS = "center-l2"
"""What the default alignments see is what the map shows."""


@dataclass(frozen=True, kw_only=True)
class Map:
    """Places of samples in the plane.

    Attributes:
        method: How the map was made.
        points: Positions [samples, 2], in no unit.
        explained: Share of the variance along each axis; None for UMAP.
    """

    method: Method
    points: NDArray[np.float64]
    explained: tuple[float, float] | None


def methods() -> tuple[Method, ...]:
    """Return the methods at hand: PCA, and UMAP where `umap-learn` is installed."""
    return ("pca", "umap") if find_spec("umap") else ("pca",)


def project(vectors: NDArray[np.float32], method: Method, *, seed: int = 0) -> Map:
    """Return a map of an embedding.

    Args:
        vectors: Embedding [samples, width].
        method: `pca`, or `umap` with its package's defaults.
        seed: Of UMAP; PCA has none.
    """
    features = np.asarray(preprocess(vectors, PREPROCESS), dtype=np.float64)
    features = features - features.mean(axis=0)
    return _pca(features) if method == "pca" else _umap(features, seed)


def turn(points: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation or reflection (2, 2) that lays a map over another as well as it can.

    Axes of maps have no meaning of their own, so maps of several models are turned alike and can
    be compared by eye (orthogonal Procrustes, Schönemann 1966). Distances are unchanged.

    Args:
        points: Positions [samples, 2], to be multiplied by the result from the right.
        reference: Positions [samples, 2] of the same samples on the other map.
    """
    left, _, right = np.linalg.svd(points.T @ reference)
    return np.asarray(left @ right)


def nearest(vectors: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the k nearest other samples [samples, k] in the embedding itself, nearest first."""
    features = np.asarray(preprocess(vectors, PREPROCESS), dtype=np.float64)
    squares = (features**2).sum(axis=1)
    distances = squares[:, None] + squares[None, :] - 2.0 * features @ features.T
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, :k]


def _pca(features: NDArray[np.float64]) -> Map:
    left, singular, _ = np.linalg.svd(features, full_matrices=False)
    points = np.zeros((len(features), 2))
    rank = min(2, len(singular))
    points[:, :rank] = left[:, :rank] * singular[:rank]
    share = np.zeros(2)
    share[:rank] = singular[:rank] ** 2 / max(float((singular**2).sum()), np.finfo(float).tiny)
    return Map(method="pca", points=points, explained=(float(share[0]), float(share[1])))


def _umap(features: NDArray[np.float64], seed: int) -> Map:
    import warnings

    import umap

    with warnings.catch_warnings():
        # A fixed seed makes UMAP run in one thread, and it says so at every call.
        warnings.filterwarnings("ignore", message="n_jobs value", category=UserWarning)
        points = umap.UMAP(random_state=seed).fit_transform(features)
    points = np.asarray(points, dtype=np.float64)
    return Map(method="umap", points=points - points.mean(axis=0), explained=None)
