"""Which samples moved most between a baseline and the candidate: whose neighbours changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_matalign.report import map as maps
from pytest_matalign.report.store import find_embeddings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.splits import Split

SHOWN = 10
"""Samples listed a split."""
K = 25
"""Neighbours compared; fewer where the split is small."""


def moved(
    scorecard: Scorecard,
    baseline: Scorecard,
    *,
    found: Mapping[tuple[str, str], Embedding],
    splits: Mapping[str, Split],
    store: Path,
) -> list[dict[str, Any]]:
    """Return, a split, the samples whose neighbourhoods changed most, first the farthest moved.

    Args:
        scorecard: The run to report; names the candidate.
        baseline: The earlier run; names its candidate.
        found: Embeddings of the run by (split, model).
        splits: Splits of the run.
        store: Folder of the store of the baseline.
    """
    if scorecard.candidate is None or baseline.candidate is None:
        return []
    earlier = find_embeddings(baseline, store, splits)
    rows = []
    for split in splits:
        new = found.get((split, scorecard.candidate))
        old = earlier.get((split, baseline.candidate))
        if new is None or old is None or new.ids != old.ids or len(new) < 4:
            continue
        k = min(K, len(new) // 4)
        kept = _shared(maps.nearest(old.vectors, k), maps.nearest(new.vectors, k))
        order = kept.argsort(kind="stable")[:SHOWN]
        place = {name: index for index, name in enumerate(splits[split].ids)}
        rows.append(
            {
                "split": split,
                "k": k,
                "mean": round(float(kept.mean()), 4),
                "unchanged": old.digest == new.digest,
                "samples": [[place[new.ids[row]], round(float(kept[row]), 3)] for row in order],
            }
        )
    return rows


def _shared(old: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of each sample's neighbours [samples, k] that are still its neighbours."""
    share: NDArray[np.float64] = (old[:, :, None] == new[:, None, :]).any(axis=2).mean(axis=1)
    return share
