"""Make a pack by running the models, and say what its fewer bits cost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.embeddings.pack import Pack, add_entry
from pytest_matalign.embeddings.pack_format import (
    Entry,
    Loss,
    Made,
    decode,
    encode,
    sample_digests,
)
from pytest_matalign.environments.provenance import packages_beneath
from pytest_matalign.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.pack_format import Encoding, Tensors
    from pytest_matalign.metrics.spec import MetricSpec
    from pytest_matalign.splits.split import Split
    from pytest_matalign.zoo.card import ModelCard

WIDE = 256
"""From this width on float16 entries may be stored by principal axes, where that saves space."""
VARIANCE_LEFT_OUT = 1e-4
_FORBIDDEN = re.compile(r"\bnc\b|non-?commercial|no-?deriv|\bnd\b|proprietary", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """One embedding with what would be stored of it."""

    exact: Embedding
    entry: Entry
    tensors: Tensors

    @property
    def decoded(self) -> NDArray[np.float32]:
        """Rows [samples, width] as a reader of the pack will see them."""
        return decode(self.entry, self.tensors)


def licence_problem(card: ModelCard) -> str | None:
    """Why embeddings of a model may not be passed on, or None."""
    if card.weights is None:
        return None
    if card.licence_weights in {None, "not stated"}:
        return f"{card.id}: its card states no licence of the weights"
    if _FORBIDDEN.search(card.licence_weights):
        return f"{card.id}: its weights are under {card.licence_weights}"
    return None


def encoded(
    embedding: Embedding,
    *,
    card: ModelCard,
    split: Split,
    weights: str,
    adapter_version: int,
    encoding: Encoding,
) -> Encoded:
    """An embedding as it would be stored.

    Raises:
        ConfigurationError: If it has no row.
    """
    if not len(embedding):
        raise ConfigurationError(
            f"{card.id} refuses every sample of {split.card.id}; leave it out of the pack."
        )
    rank = _rank(embedding.vectors) if encoding == "float16" else None
    tensors, scale = encode(embedding.vectors, encoding=encoding, rank=rank)
    tensors["digests"] = sample_digests(sample.digest for sample in split.samples)
    entry = Entry(
        card=card,
        weights=weights,
        adapter_version=adapter_version,
        split=split.card.id,
        split_version=split.card.version,
        fingerprint=split.fingerprint,
        ids=split.ids,
        refused=dict(embedding.refused),
        width=embedding.vectors.shape[1],
        encoding=encoding,
        scale=scale,
        rank=rank,
        made=Made(date=datetime.now(UTC).date().isoformat(), packages=packages_beneath(card)),
    )
    return Encoded(exact=embedding, entry=entry, tensors=tensors)


def add_all(
    folder: Path, found: Sequence[Encoded], *, title: str, specs: Sequence[MetricSpec]
) -> Mapping[str, Loss]:
    """Measure what the stored form of each embedding costs, and write all into a pack.

    Args:
        folder: Of the pack; entries of other models on this split stay and take part.
        found: New entries, all on one split.
        title: Of a pack that is made.
        specs: Metrics whose change is measured.

    Returns:
        Loss by model.
    """
    partners = {one.entry.card.id: (one.entry.accepted, one.decoded) for one in found}
    partners |= _others(folder, found)
    losses = {one.entry.card.id: _loss(one, partners, specs) for one in found}
    for one in found:
        from msgspec.structs import replace

        entry = replace(one.entry, loss=losses[one.entry.card.id])
        add_entry(folder, entry, one.tensors, title=title)
    return losses


def _rank(vectors: NDArray[np.float32]) -> int | None:
    """Principal axes to store for a wide model, or None where storing all columns is smaller."""
    n, width = vectors.shape
    if width < WIDE:
        return None
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    variance = np.linalg.svd(centred, compute_uv=False) ** 2
    if not variance.sum() > 0:
        return None
    left_out = 1.0 - np.cumsum(variance) / variance.sum()
    rank = int(np.argmax(left_out <= VARIANCE_LEFT_OUT)) + 1
    return rank if rank * (n + width) < 0.8 * n * width else None


def _others(
    folder: Path, found: Sequence[Encoded]
) -> dict[str, tuple[tuple[str, ...], NDArray[np.float32]]]:
    """Entries already in the pack on the split of the new ones."""
    pack = Pack(folder)
    new = {one.entry.card.id for one in found}
    if not pack.exists() or not found:
        return {}
    split = found[0].entry.split
    read = [pack.entry(*key) for key in pack if key[0] == split and key[1] not in new]
    return {entry.card.id: (entry.accepted, decode(entry, tensors)) for entry, tensors in read}


def _loss(
    one: Encoded,
    partners: Mapping[str, tuple[tuple[str, ...], NDArray[np.float32]]],
    specs: Sequence[MetricSpec],
) -> Loss:
    exact = one.exact.vectors.astype(np.float64)
    stored = one.decoded
    spread = float((exact - exact.mean(axis=0)).std()) or 1.0
    largest = dict.fromkeys((spec.name for spec in specs), 0.0)
    for name, (ids, rows) in partners.items():
        if name == one.entry.card.id:
            continue
        for spec, change in _changes(one, stored, ids, rows, specs):
            largest[spec.name] = max(largest[spec.name], change)
    return Loss(
        values=_rounded(float(np.abs(exact - stored).max()) / spread),
        metrics={name: _rounded(change) for name, change in largest.items()},
    )


def _changes(
    one: Encoded,
    stored: NDArray[np.float32],
    ids: tuple[str, ...],
    rows: NDArray[np.float32],
    specs: Sequence[MetricSpec],
) -> list[tuple[MetricSpec, float]]:
    """How far each metric with one partner moves when the stored rows replace the exact ones."""
    from pytest_matalign.statistics.assess import assess, prepare

    shared = set(ids) & set(one.entry.accepted)
    usable = [spec for spec in specs if len(shared) > max(10, (spec.k or 0) + 1)]
    if not usable:
        return []
    mine = [row for row, name in enumerate(one.entry.accepted) if name in shared]
    theirs = [row for row, name in enumerate(ids) if name in shared]
    before, after, partner = (
        prepare(x, specs=usable) for x in (one.exact.vectors[mine], stored[mine], rows[theirs])
    )
    return [
        (spec, abs(assess(before, partner, spec).value - assess(after, partner, spec).value))
        for spec in usable
    ]


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
