"""All alignments of a set of embeddings as files: arrays for computing, JSON, a page to look at."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from pytest_matalign import __version__
from pytest_matalign.cache import write_whole
from pytest_matalign.metrics.spec import TABLE
from pytest_matalign.report.order import clustered
from pytest_matalign.report.page import ASSETS, template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pytest_matalign.engine.matrix import AlignmentMatrix

FORMAT = 1


class MetricTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One metric of all pairs; rows and columns in the order of the models.

    Where nothing is known (an alignment that is undefined) an entry is None.
    """

    name: str
    estimator: str
    k: int | None
    direction: Literal["higher", "lower"]
    directed: bool
    """Whether [a][b] is from a to b and differs from [b][a]."""
    values: list[list[float | None]]
    error: list[list[float | None]] | None = None
    """Standard errors of the mean of both directions; None where not asked for."""
    null_mean: list[list[float | None]] | None = None
    null_sd: list[list[float | None]] | None = None
    p_value: list[list[float | None]] | None = None


class MatrixDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every metric of every pair of models on the samples they share."""

    format: int = FORMAT
    package_version: str = __version__
    split: str
    split_fingerprint: str
    samples: tuple[str, ...]
    """Ids of the samples every model has, in the order of the split."""
    preprocess: str
    precision: str
    models: tuple[str, ...]
    origins: dict[str, str]
    """Where the rows of each model came from."""
    left_out: dict[str, str]
    """Models that were asked for and could not be compared, with the reason."""
    metrics: tuple[MetricTable, ...]
    intrinsic_dimension: list[float | None] | None = None


def document(
    matrix: AlignmentMatrix,
    *,
    split: str,
    split_fingerprint: str,
    samples: Sequence[str],
    precision: str,
    origins: Mapping[str, str],
    left_out: Mapping[str, str],
) -> MatrixDocument:
    """Return a matrix with all that says what it is of."""
    dimension = matrix.values.get("intrinsic_dimension")
    return MatrixDocument(
        split=split,
        split_fingerprint=split_fingerprint,
        samples=tuple(samples),
        preprocess=matrix.preprocess,
        precision=precision,
        models=matrix.names,
        origins=dict(origins),
        left_out=dict(left_out),
        metrics=tuple(_table(matrix, name) for name in matrix.values if name in TABLE),
        intrinsic_dimension=None if dimension is None else [_plain(one) for one in dimension],
    )


def _table(matrix: AlignmentMatrix, name: str) -> MetricTable:
    row, known = TABLE[name], matrix.statistics.get(name)
    return MetricTable(
        name=name,
        estimator=row.estimator,
        k=matrix.k.get(name),
        direction=row.direction,
        directed=row.directed,
        values=_rows(matrix.values[name]),
        **{
            field: _rows(getattr(known, field))
            for field in ("error", "null_mean", "null_sd", "p_value")
            if known is not None
        },
    )


def _rows(values: NDArray[np.float64]) -> list[list[float | None]]:
    return [[_plain(one) for one in row] for row in values]


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def write_npz(matrix: AlignmentMatrix, samples: Sequence[str], path: Path) -> None:
    """Write `models`, `samples`, `<metric>` and, where known, `<metric>.error` and so on."""
    arrays: dict[str, NDArray[np.generic]] = {
        "models": np.array(matrix.names, dtype=np.str_),
        "samples": np.array(samples, dtype=np.str_),
        **matrix.values,
    }
    for name, known in matrix.statistics.items():
        for field in ("error", "null_mean", "null_sd", "p_value"):
            arrays[f"{name}.{field}"] = getattr(known, field)
    content = BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_whole(path, content.getbuffer())


def write_json(found: MatrixDocument, path: Path) -> None:
    """Write a matrix as indented JSON."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")


def write_page(found: MatrixDocument, path: Path) -> None:
    """Write a matrix as one HTML file that needs nothing else, without scripts."""
    from markupsafe import Markup

    text = template("matrix.html.j2").render(
        found=found,
        style=Markup((ASSETS / "matrix.css").read_text("utf-8")),  # noqa: S704  own file, no data
        pictures=[_picture(table, found.models) for table in found.metrics],
    )
    write_whole(path, text.encode())


def _picture(table: MetricTable, models: Sequence[str]) -> dict[str, object]:
    """Return a metric's cells, models that agree side by side, each with how dark it is drawn."""
    values = np.array(table.values, dtype=np.float64)
    order = _order(values, lower=table.direction == "lower")
    off = values[~np.eye(len(values), dtype=bool)]
    low, high = np.nanmin(off), np.nanmax(off)
    shade = (values - low) / (high - low) if high > low else np.zeros_like(values)
    if table.direction == "lower":
        shade = 1.0 - shade
    shade = np.clip(np.nan_to_num(shade), 0.0, 1.0)
    rows = [
        {
            "model": models[i],
            "cells": [
                {
                    "text": "–" if i == j or np.isnan(values[i, j]) else f"{values[i, j]:.2f}",
                    "title": f"{models[i]} → {models[j]}: {values[i, j]:.4f}",
                    "shade": 0 if i == j else round(100 * float(shade[i, j])),
                    "own": i == j,
                }
                for j in order
            ],
        }
        for i in order
    ]
    return {"table": table, "rows": rows, "heads": [models[i] for i in order],
            "low": float(low), "high": float(high)}  # fmt: skip


def _order(values: NDArray[np.float64], *, lower: bool) -> list[int]:
    """Return the models in an order in which those that agree stand side by side."""
    if len(values) < 3 or not np.isfinite(values).all():
        return list(range(len(values)))
    both = (values + values.T) / 2
    distance = np.maximum(both if lower else 1.0 - both, 0.0)
    np.fill_diagonal(distance, 0.0)
    leaves, _ = clustered(distance)
    return leaves
