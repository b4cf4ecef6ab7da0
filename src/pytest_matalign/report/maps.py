"""Maps of every model on every split as a page draws them: packed rows, positions, neighbours."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.embeddings.embedding import Embedding
from pytest_matalign.report import projection
from pytest_matalign.report.budget import POINTS, Budget
from pytest_matalign.report.embeddings import Found
from pytest_matalign.splits.split import Split

NEIGHBOURS = 8
"""Neighbours drawn when the mouse rests on a sample."""
MOST_WITH_NEIGHBOURS = 20_000
"""Samples of a map from which on nobody could follow the lines."""
GRID = 10_000
"""Positions on a map are whole numbers up to this."""


def maps_of(split: Split, found: Found, budget: Budget) -> list[dict[str, Any]]:
    """Return one map per model and method, each turned to lie over the first of its method."""
    place = {name: index for index, name in enumerate(split.ids)}
    reference: dict[str, NDArray[np.float64]] = {}
    drawn = []
    for (of, model), embedding in found.items():
        if of != split.card.id or len(embedding) < 3:
            continue
        for method in projection.methods():
            if budget.points < len(embedding):
                budget.note(f"Some models have no map: a report holds {POINTS} points.")
                continue
            budget.points -= len(embedding)
            rows = np.array([place[name] for name in embedding.ids])
            made = projection.project(embedding.vectors, method)
            over = reference.setdefault(method, np.full((len(place), 2), np.nan))
            drawn.append(
                {
                    "split": of,
                    "model": model,
                    "method": method,
                    "explained": made.explained,
                    "rows": packed(rows),
                    "points": packed(_on_grid(_laid_over(made.points, rows, over))),
                    "near": _neighbours(embedding, budget) if method == "pca" else None,
                }
            )
    return drawn


def packed(values: Sequence[int] | NDArray[np.int64]) -> str:
    """Return whole numbers as the width of one in bytes (2 or 4), then little-endian base64."""
    array = np.asarray(values)
    width = 2 if array.max(initial=0) < 2**16 else 4
    return f"{width}{b64encode(array.astype(f'<u{width}').tobytes()).decode()}"


def _laid_over(
    points: NDArray[np.float64], rows: NDArray[np.int64], reference: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Positions turned to lie over the reference [all samples, 2], which the first fills."""
    known = np.isfinite(reference[rows]).all(axis=1)
    if np.isnan(reference).all():
        reference[rows] = points
        return points
    return points @ projection.turn(points[known], reference[rows][known])


def _neighbours(embedding: Embedding, budget: Budget) -> str | None:
    n = len(embedding)
    if not NEIGHBOURS < n <= min(MOST_WITH_NEIGHBOURS, budget.neighbour_points):
        return None
    budget.neighbour_points -= n
    return packed(projection.nearest(embedding.vectors, NEIGHBOURS).ravel())


def _on_grid(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Positions [samples, 2] as whole numbers, both axes on one scale, flattened."""
    low, high = points.min(axis=0), points.max(axis=0)
    span = float((high - low).max()) or 1.0
    centred = (points - (low + high) / 2) / span + 0.5
    return np.asarray(np.rint(centred * GRID), dtype=np.int64).ravel()
