"""Which samples moved most between a baseline and the candidate: whose neighbours changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_matalign.report.embeddings import Found
from pytest_matalign.scorecard.model import Scorecard
from pytest_matalign.splits.split import Split
from pytest_matalign.verdicts.drift import drift


def moved(
    scorecard: Scorecard,
    baseline: Scorecard | None,
    *,
    found: Found,
    earlier: Found,
    splits: Mapping[str, Split],
) -> list[dict[str, Any]]:
    """Return, per split, the samples whose neighbourhoods changed most, the farthest moved first.

    From the embeddings of this run's candidate and, `earlier`, of the baseline's.
    """
    rows = []
    for split in splits:
        new = found.get((split, scorecard.candidate or ""))
        old = earlier.get((split, (baseline and baseline.candidate) or ""))
        told = drift(new, old) if new and old else None
        if new is None or old is None or told is None:
            continue
        place = {name: index for index, name in enumerate(splits[split].ids)}
        rows.append(
            {
                "split": split,
                "k": told.k,
                "mean": round(told.overlap, 4),
                "unchanged": old.digest == new.digest,
                "samples": [[place[one.id], round(one.overlap, 3)] for one in told.moved],
            }
        )
    return rows
