"""What a report shows beside the scorecard: maps, samples and dimensions, from the embeddings.

Made when a report is made, from a store and the splits, and never part of a scorecard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

from pytest_matalign.embeddings.obtain import Door, Source
from pytest_matalign.embeddings.pack import Pack
from pytest_matalign.errors import ConfigurationError, MetricInputError
from pytest_matalign.report.analysis import performance, trees
from pytest_matalign.report.budget import Budget
from pytest_matalign.report.embeddings import Found, embeddings_of
from pytest_matalign.report.maps import maps_of
from pytest_matalign.report.moved import moved
from pytest_matalign.report.pictures import elements
from pytest_matalign.report.projection import PREPROCESS
from pytest_matalign.report.samples import samples_of
from pytest_matalign.scorecard.model import Scorecard
from pytest_matalign.splits.split import Split

DIMENSION_SAMPLES = 5000
"""Samples a dimension is taken on, the first of the split: it holds n x n distances."""


@dataclass(frozen=True, kw_only=True)
class Companion:
    """What a report shows beside the scorecard."""

    data: dict[str, Any]  # JSON-plain content for the pages
    left_out: tuple[str, ...] = ()  # One sentence for each thing that could not be shown


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
        analyses: Whether to make the tree and the figure of accuracy, which take seconds.
    """
    budget = Budget()
    splits = _splits(scorecard, split_files or {}, door, budget)
    found = embeddings_of(scorecard, splits, door=door, packs=packs, own=own)
    earlier = embeddings_of(baseline, splits, door=baseline_door or door) if baseline else {}
    for split in splits:
        absent = [r.model for r in scorecard.embeddings
                  if r.split == split and r.digest and (split, r.model) not in found]  # fmt: skip
        if absent:
            budget.note(f"Not at hand for {split}: {', '.join(dict.fromkeys(absent))}.")
    used = {split: splits[split] for split in splits if any(key[0] == split for key in found)}
    with threadpool_limits(limits=1):  # several threads would only wait for each other
        data = {
            **_drawn(found, used, budget),
            **_analysed(scorecard, found if analyses else {}, used, budget),
            "moved": moved(scorecard, baseline, found=found, earlier=earlier, splits=splits),
        }
    if not analyses:
        budget.note(
            "The tree of models and the figure of accuracy are made by `matalign scorecard report`."
        )
    return Companion(data=data, left_out=tuple(budget.notes))


def _drawn(found: Found, used: Mapping[str, Split], budget: Budget) -> dict[str, Any]:
    """What is drawn of embeddings and samples themselves."""
    data: dict[str, Any] = {
        "samples": {split: samples_of(used[split], budget) for split in used},
        "maps": [one for split in used.values() for one in maps_of(split, found, budget)],
        "preprocess": PREPROCESS,
        "dimension": _dimensions(found, budget),
    }
    symbols = {symbol for one in data["samples"].values() for drawing in one["pictures"]
               if drawing for symbol in drawing.get("e", ())}  # fmt: skip
    return {**data, "elements": elements(symbols)}


def _analysed(
    scorecard: Scorecard, found: Found, used: Mapping[str, Split], budget: Budget
) -> dict[str, Any]:
    """What takes seconds and not moments."""
    return {
        "trees": trees(scorecard, found, used, budget.note),
        "performance": performance(scorecard, found, used, budget.note),
    }


def _splits(
    scorecard: Scorecard, files: Mapping[str, Path], door: Door, budget: Budget
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


def _dimensions(found: Found, budget: Budget) -> list[dict[str, Any]]:
    from pytest_matalign.statistics.dimension import assess_dimension

    rows = []
    for (split, model), embedding in found.items():
        try:
            estimate = assess_dimension(embedding.vectors[:DIMENSION_SAMPLES], method="twonn")
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
