"""The samples of a split as a page shows them: captions, labels and pictures."""

from __future__ import annotations

import json
from typing import Any

from pytest_matalign.report.budget import PICTURE_BYTES, Budget
from pytest_matalign.report.pictures import caption, picture
from pytest_matalign.splits.split import Split


def samples_of(split: Split, budget: Budget) -> dict[str, Any]:
    """Return ids, captions, labels and pictures of the samples of a split, in its order."""
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
