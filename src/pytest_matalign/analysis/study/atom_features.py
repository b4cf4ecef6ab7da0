"""Features of single atoms, by model and layer, kept in the study's store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.embeddings.store import Rows, key_of
from pytest_matalign.zoo.model import AtomModel, LayerModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_matalign.analysis.study.context import SplitData, Study
    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.splits import Sample
    from pytest_matalign.zoo.card import ModelCard

VERSION = 1
ADAPTERS = ("chgnet", "sevenn", "diep", "torchani", "so3lr")
"""Adapters that have single atoms: no other model is loaded only to find that it has none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Layers:
    """One model's layers on some structures.

    Attributes:
        by_name: Features [atoms, width] of each structure by layer, first to last.
    """

    by_name: Mapping[str, list[Float64]]

    @property
    def last(self) -> list[Float64]:
        """The layer that the zoo pools."""
        return list(self.by_name.values())[-1]


def atom_layers(study: Study, data: SplitData) -> dict[str, Layers]:
    """Return the layers of every model of a split that has single atoms."""
    able = [m for m in data.embeddings if study.source.cards[m].adapter in ADAPTERS]
    return {model: _layers(study, model, data.samples) for model in able}


def _layers(study: Study, model: str, samples: Sequence[Sample]) -> Layers:
    """From the store, or embedded and stored, all layers of all structures in one entry each."""
    from pytest_matalign.embeddings.sources import ZooSource

    card = study.source.cards[model]
    identity = {
        "atoms": VERSION,
        "identity": dict(ZooSource(card).identity),
        "samples": [sample.digest for sample in samples],
    }
    names = study.store.read_result(key_of(identity))
    kept = {
        name: study.store.read_rows(key_of({**identity, "layer": name})) for name in names or ()
    }
    if names is None or any(rows is None for rows in kept.values()):
        computed = _computed(card, samples)
        ids = tuple(
            f"{sample.id}#{place}"
            for sample, features in zip(samples, computed[next(iter(computed))], strict=True)
            for place in range(len(features))
        )
        for name, features in computed.items():
            rows = Rows(ids=ids, refused={}, vectors=np.concatenate(features))
            key = key_of({**identity, "layer": name})
            study.store.write_rows(key, rows, provenance={**identity, "layer": name})
            kept[name] = rows
        study.store.write_result(key_of(identity), list(computed))
    counts = [len(sample.atoms) for sample in samples if sample.atoms is not None]
    ends = np.cumsum(counts)[:-1]
    return Layers(
        by_name={
            name: np.split(np.asarray(rows.vectors, dtype=np.float64), ends)
            for name, rows in kept.items()
            if rows is not None
        }
    )


def _computed(card: ModelCard, samples: Sequence[Sample]) -> dict[str, list[np.ndarray]]:
    from pytest_matalign.embeddings.extraction import one_thread
    from pytest_matalign.zoo.registry import load

    model = load(card)
    found: dict[str, list[np.ndarray]] = {}
    with one_thread():
        for start in range(0, len(samples), model.batch_size):
            batch = samples[start : start + model.batch_size]
            if isinstance(model, LayerModel):
                part = model.embed_layers(batch)
            else:
                assert isinstance(model, AtomModel), f"{card.adapter} is listed as having atoms"
                part = {"last": model.embed_atoms(batch)}
            for name, features in part.items():
                found.setdefault(name, []).extend(features)
    return found
