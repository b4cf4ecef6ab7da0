"""What a report shows beside the scorecard: maps, samples and dimensions, from the embeddings.

Made when a report is made, from a store and the splits, and never part of a scorecard.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.errors import ConfigurationError, MetricInputError
from pytest_matalign.report import map as maps
from pytest_matalign.report.analysis import performance, trees
from pytest_matalign.report.embeddings import embeddings_of
from pytest_matalign.report.map_pictures import caption, elements, picture
from pytest_matalign.report.moved import moved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.obtain import Door, Source
    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.splits import Split

PICTURE_BYTES = 3_000_000
"""All pictures of a report together; samples after that have text only."""
POINTS = 400_000
"""Points of all maps together; models after that have no map."""
NEIGHBOURS = 8
"""Neighbours drawn when the mouse rests on a sample."""
NEIGHBOUR_POINTS = 150_000
"""Maps after this many points carry no neighbours."""
GRID = 10_000
"""Positions on a map are whole numbers up to this."""


@dataclass(frozen=True, kw_only=True)
class Companion:
    """What a report shows beside the scorecard.

    Attributes:
        data: JSON-plain content for the pages.
        left_out: One sentence for each thing that could not be shown.
    """

    data: dict[str, Any]
    left_out: tuple[str, ...] = ()


@dataclass
class _Budget:
    """What a report may still hold, and what it had to leave out."""

    points: int = POINTS
    neighbour_points: int = NEIGHBOUR_POINTS
    picture_bytes: int = PICTURE_BYTES
    notes: dict[str, None] = field(default_factory=dict)

    def note(self, text: str) -> None:
        self.notes[text] = None


def build_companion(
    scorecard: Scorecard,
    *,
    door: Door,
    split_files: Mapping[str, Path] | None = None,
    baseline: Scorecard | None = None,
    baseline_door: Door | None = None,
    packs: Sequence[Pack] = (),
    own: Source | None = None,
    analyses: bool = True,
) -> Companion:
    """Make the companion of a scorecard.

    Args:
        scorecard: The run to report.
        door: Over the embedding store of that run.
        split_files: TOML files of splits that are not bundled, by split id.
        baseline: An earlier scorecard of the same candidate.
        baseline_door: Over its store; `door` where None.
        packs: Hold what a run took from packs.
        own: The candidate's file of embeddings, if it was one.
        analyses: Whether to make the tree and the figure of accuracy, which take a minute.
    """
    budget = _Budget()
    splits = _splits(scorecard, split_files or {}, door, budget)
    found = embeddings_of(scorecard, splits, door=door, packs=packs, own=own)
    earlier = embeddings_of(baseline, splits, door=baseline_door or door) if baseline else {}
    for split in splits:
        absent = [r.model for r in scorecard.embeddings
                  if r.split == split and r.digest and (split, r.model) not in found]  # fmt: skip
        if absent:
            budget.note(f"Not at hand for {split}: {', '.join(dict.fromkeys(absent))}.")
    used = {split: splits[split] for split in splits if any(key[0] == split for key in found)}
    drawn = {split: _maps(split, found, used[split], budget) for split in used}
    data: dict[str, Any] = {
        "samples": {split: _samples(used[split], budget) for split in used},
        "maps": [one for split in used for one in drawn[split]],
        "preprocess": maps.PREPROCESS,
        "dimension": _dimensions(found, budget),
        "moved": moved(scorecard, baseline, found=found, earlier=earlier, splits=splits)
        if baseline
        else [],
        "trees": trees(scorecard, found, used, budget.note) if analyses else [],
        "performance": performance(scorecard, found, used, budget.note) if analyses else [],
    }
    if not analyses:
        budget.note(
            "The tree of models and the figure of accuracy are made by `matalign scorecard report`."
        )
    symbols = {symbol for one in data["samples"].values() for drawing in one["pictures"]
               if drawing for symbol in drawing.get("e", ())}  # fmt: skip
    data["elements"] = elements(symbols)
    return Companion(data=data, left_out=tuple(budget.notes))


def _splits(
    scorecard: Scorecard, files: Mapping[str, Path], door: Door, budget: _Budget
) -> dict[str, Split]:
    loaded = {}
    for entry in scorecard.splits:
        try:
            split = door.split(files.get(entry.id, entry.id), samples=max(entry.samples, 1))
        except ConfigurationError as error:
            budget.note(f"Samples of {entry.id} are left out: {error}")
            continue
        if split.fingerprint != entry.fingerprint:
            budget.note(
                f"Samples of {entry.id} are left out: the split is not the one of the scorecard "
                f"(fingerprint {split.fingerprint[:12]}, not {entry.fingerprint[:12]})."
            )
            continue
        loaded[entry.id] = split
    return loaded


def _samples(split: Split, budget: _Budget) -> dict[str, Any]:
    """Ids, captions, labels and pictures of the samples of a split, in its order."""
    pictures = []
    for sample in split.samples:
        drawing = picture(sample) if budget.picture_bytes > 0 else None
        size = len(json.dumps(drawing, separators=(",", ":")))
        if drawing is not None and size > budget.picture_bytes:
            budget.picture_bytes = 0
            drawing = None
        budget.picture_bytes -= size if drawing else 0
        pictures.append(drawing)
    if budget.picture_bytes <= 0:
        budget.note(f"Some samples have no picture: a report holds {PICTURE_BYTES // 10**6} MB.")
    return {
        "ids": list(split.ids),
        "captions": [caption(sample) for sample in split.samples],
        "pictures": pictures,
        "labels": {
            name: {
                "unit": label.unit,
                "meaning": label.meaning,
                "values": [_label(sample.labels.get(name)) for sample in split.samples],
            }
            for name, label in split.card.labels.items()
        },
    }


def _label(value: float | str | None) -> float | str | None:
    return float(f"{value:.4g}") if isinstance(value, int | float) else value


def _maps(
    split_id: str, found: Mapping[tuple[str, str], Embedding], split: Split, budget: _Budget
) -> list[dict[str, Any]]:
    """One map a model and method, each turned to lie over the first that it shares samples with."""
    place = {name: index for index, name in enumerate(split.ids)}
    reference: dict[str, NDArray[np.float64]] = {}
    drawn = []
    for (of, model), embedding in found.items():
        if of != split_id or len(embedding) < 3:
            continue
        for method in maps.methods():
            if budget.points < len(embedding):
                budget.note(f"Some models have no map: a report holds {POINTS} points.")
                continue
            budget.points -= len(embedding)
            rows = np.array([place[name] for name in embedding.ids])
            made = maps.project(embedding.vectors, method)
            points = _laid_over(made.points, rows, len(split.ids), reference, method)
            drawn.append(
                {
                    "split": split_id,
                    "model": model,
                    "method": method,
                    "explained": made.explained,
                    "rows": _packed(rows),
                    "points": _packed(_on_grid(points)),
                    "near": _neighbours(embedding, budget) if method == "pca" else None,
                }
            )
    return drawn


def _laid_over(
    points: NDArray[np.float64],
    rows: NDArray[np.int64],
    n: int,
    reference: dict[str, NDArray[np.float64]],
    method: str,
) -> NDArray[np.float64]:
    if method in reference:
        shared = np.isfinite(reference[method][rows]).all(axis=1)
        return points @ maps.turn(points[shared], reference[method][rows][shared])
    reference[method] = np.full((n, 2), np.nan)
    reference[method][rows] = points
    return points


def _neighbours(embedding: Embedding, budget: _Budget) -> str | None:
    if budget.neighbour_points < len(embedding) or len(embedding) <= NEIGHBOURS:
        return None
    budget.neighbour_points -= len(embedding)
    return _packed(maps.nearest(embedding.vectors, NEIGHBOURS).ravel())


def _on_grid(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Positions [samples, 2] as whole numbers, both axes on one scale, flattened."""
    low, high = points.min(axis=0), points.max(axis=0)
    span = float((high - low).max()) or 1.0
    centred = (points - (low + high) / 2) / span + 0.5
    return np.asarray(np.rint(centred * GRID), dtype=np.int64).ravel()


def _packed(values: Sequence[int] | NDArray[np.int64]) -> str:
    """Base64 of little-endian 16-bit whole numbers."""
    return b64encode(np.asarray(values).astype("<u2").tobytes()).decode()


def _dimensions(
    found: Mapping[tuple[str, str], Embedding], budget: _Budget
) -> list[dict[str, Any]]:
    from pytest_matalign.statistics.dimension import assess_dimension

    rows = []
    for (split, model), embedding in found.items():
        try:
            estimate = assess_dimension(embedding.vectors, method="twonn")
        except MetricInputError as error:
            budget.note(f"No intrinsic dimension of {model} on {split}: {error}")
            continue
        rows.append(
            {
                "split": split,
                "model": model,
                "estimator": estimate.estimator,
                "n": estimate.distinct,
                "value": round(estimate.value, 2),
                "low": round(estimate.low, 2),
                "high": round(estimate.high, 2),
            }
        )
    return rows
