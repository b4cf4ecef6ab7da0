"""Rows of a user's own samples as a file, with what was refused beside it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign import __version__
from pytest_matalign.cache import write_output
from pytest_matalign.embeddings.files import write_table
from pytest_matalign.errors import ExtractionError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_matalign.embeddings.own import OwnRows


def write_own(path: Path, found: OwnRows) -> str:
    """Write the rows, and `NAME.refused.csv` if there is anything to tell; return what was done.

    Raises:
        ExtractionError: There are no rows.
        ConfigurationError: The file has no known ending.
    """
    embedding, card = found.embedding, found.card
    reasons = Counter(embedding.refused.values()).most_common(1)
    why = f" (most often: {reasons[0][0]})" if reasons else ""
    if not len(embedding):
        raise ExtractionError(f"{card.id} refuses every sample of {embedding.split}{why}.")
    about = {
        "model": card.id,
        "layer": card.layer,
        "pooling": card.pooling,
        "samples": embedding.split,
        "fingerprint": found.split.fingerprint,
        "pytest-matalign": __version__,
    }
    columns = {"novelty": found.known.values} if found.known else {}
    if found.known:
        about["novelty"] = f"mean distance to the 5 nearest of {', '.join(found.known.splits)}"
    write_table(path, embedding, of_atoms=found.of_atoms, about=about, columns=columns)
    beside = path.with_suffix(".refused.csv")
    if embedding.refused:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            [("id", "reason"), *embedding.refused.items()]
        )
        write_output(beside, text.getvalue().encode())
    else:
        beside.unlink(missing_ok=True)
    what = "atoms" if found.of_atoms else "samples"
    width = embedding.vectors.shape[1]
    told = f"{len(embedding)} {what} of {embedding.split} by {card.id}, width {width}: {path}"
    if found.known:
        middle, most = np.quantile(found.known.values, [0.5, 1])
        told += f"; novelty {middle:.2g}, at most {most:.2g} (no word on accuracy)"
    if embedding.refused:
        told += f"; {len(embedding.refused)} refused{why}: {beside}"
    return told
