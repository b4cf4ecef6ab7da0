"""How far a sample lies from known ones, in the model's own space: novelty, and not accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.embeddings.pack_format import decode
from pytest_matalign.zoo.adapter import adapter_version
from pytest_matalign.zoo.weights.files import described_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.zoo.card import ModelCard

NEIGHBOURS = 5
_CHUNK = 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class Novelty:
    """How new samples are to a model."""

    values: NDArray[np.float64]  # (n,), of `novelty`
    splits: tuple[str, ...]  # Whose samples are the known ones


def novelty(
    rows: NDArray[np.float32], reference: NDArray[np.float32]
) -> NDArray[np.float64] | None:
    """Return the mean distance (n,) of rows to their nearest reference rows.

    In units of the median of the same among the reference rows: about 1 for a sample like them.
    None where they are too few, or all the same.
    """
    if len(reference) <= NEIGHBOURS:
        return None
    unit = float(np.median(_mean_distance(reference, reference, skip=1)))
    return _mean_distance(rows, reference, skip=0) / unit if unit else None


def pack_rows(
    card: ModelCard, packs: Sequence[Pack]
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return all rows (n, d) that packs hold of a model, and the splits they are of.

    Only those of today's weights and adapter count, and none of wide models, of which packs hold
    fewer columns.
    """
    weights, version = described_digest(card), adapter_version(card)
    found = {}
    for pack in packs:
        for split in (split for split, one in pack if one == card.id):
            entry, tensors = pack.entry(split, card.id)
            same = (entry.weights, entry.adapter_version) == (weights, version)
            if same and entry.rank is None:
                found[split] = decode(entry, tensors)
    rows = np.concatenate(list(found.values())) if found else np.empty((0, 0), np.float32)
    return rows, tuple(found)


def _mean_distance(
    rows: NDArray[np.float32], reference: NDArray[np.float32], *, skip: int
) -> NDArray[np.float64]:
    """Mean distance (n,) to the nearest, of which `skip` are the row itself."""
    from scipy.spatial.distance import cdist

    means = []
    for start in range(0, len(rows), _CHUNK):
        near = np.partition(cdist(rows[start : start + _CHUNK], reference), NEIGHBOURS + skip - 1)
        means.append(np.sort(near[:, : NEIGHBOURS + skip])[:, skip:].mean(axis=1))
    return np.concatenate(means)
