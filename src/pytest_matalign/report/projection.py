"""Two-dimensional maps of an embedding, for looking at; no number is read off them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from pytest_matalign.metrics.preprocessing import preprocess

Method = Literal["pca", "umap"]
PREPROCESS = "center-l2"
"""What the default alignments see is what the map shows."""
TILE = 1024
"""Samples whose distances to all others are held at once."""


class Map(NamedTuple):
    """Places of samples in the plane."""

    points: NDArray[np.float64]  # Positions [samples, 2], in no unit
    explained: tuple[float, float] | None  # Share of the variance by axis; None for UMAP


def methods() -> tuple[Method, ...]:
    """Return the methods at hand: PCA, and UMAP where `umap-learn` is installed."""
    return ("pca", "umap") if find_spec("umap") else ("pca",)


def project(vectors: NDArray[np.float32], method: Method) -> Map:
    """Return a map of an embedding [samples, width]."""
    # Rows of one feature have no direction to keep.
    how = PREPROCESS if vectors.shape[1] > 1 else "center"
    features = np.asarray(preprocess(vectors, how), dtype=np.float64)
    features = features - features.mean(axis=0)
    return _pca(features) if method == "pca" else _umap(features)


def turn(points: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation or reflection (2, 2) that lays a map over another as well as it can.

    Points [samples, 2] are multiplied by it from the right. Axes of maps have no meaning of their
    own, so maps of several models are turned alike and can be compared by eye (orthogonal
    Procrustes, Schönemann 1966). Distances are unchanged.
    """
    left, _, right = np.linalg.svd(points.T @ reference)
    return np.asarray(left @ right)


def nearest(vectors: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the k nearest other samples [samples, k] in the embedding itself, nearest first.

    Rows are taken a tile at a time, so that memory grows with the number of samples and not with
    its square.
    """
    features = np.asarray(preprocess(vectors, PREPROCESS), dtype=np.float64)
    squares = (features**2).sum(axis=1)
    found = np.empty((len(features), k), dtype=np.int64)
    for start in range(0, len(features), TILE):
        tile = slice(start, start + TILE)
        apart = squares - 2.0 * features[tile] @ features.T
        here = np.arange(len(apart))
        apart[here, start + here] = np.inf
        near = np.argpartition(apart, k - 1, axis=1)[:, :k]
        near.sort(axis=1)  # equal distances in the order of the samples
        order = np.argsort(np.take_along_axis(apart, near, axis=1), axis=1, kind="stable")
        found[tile] = np.take_along_axis(near, order, axis=1)
    return found


def _pca(features: NDArray[np.float64]) -> Map:
    """Map by the two largest eigenvectors of the smaller of the two matrices of products."""
    n, width = features.shape
    wide = width > n
    products = features @ features.T if wide else features.T @ features
    rank = min(2, n, width)
    last = len(products) - 1
    values, vectors = eigh(products, subset_by_index=[last - rank + 1, last])
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    points, share = np.zeros((n, 2)), np.zeros(2)
    points[:, :rank] = vectors * np.sqrt(values) if wide else features @ vectors
    share[:rank] = values / max(float(np.trace(products)), np.finfo(float).tiny)
    return Map(points, (float(share[0]), float(share[1])))


def _umap(features: NDArray[np.float64]) -> Map:
    import warnings

    import umap

    with warnings.catch_warnings():
        # A fixed seed makes UMAP run in one thread, and it says so at every call.
        warnings.filterwarnings("ignore", message="n_jobs value", category=UserWarning)
        points = umap.UMAP(random_state=0).fit_transform(features)
    points = np.asarray(points, dtype=np.float64)
    return Map(points - points.mean(axis=0), None)
