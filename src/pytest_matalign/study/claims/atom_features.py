"""Features of single atoms, by model and layer, kept in the study's store."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.cache import key_of
from pytest_matalign.embeddings.extraction import one_thread
from pytest_matalign.embeddings.sources import ZooSource
from pytest_matalign.embeddings.store import Rows
from pytest_matalign.environments.loading import load
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.splits.sample import Sample
from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.obtain import Embeddings
from pytest_matalign.study.plan import ATOM_MODELS, STRUCTURES
from pytest_matalign.suites.schema import SuiteSplit
from pytest_matalign.zoo.card import ModelCard
from pytest_matalign.zoo.model import AtomModel, LayerModel

VERSION = 1
ADAPTERS = ("chgnet", "sevenn", "diep", "torchani", "so3lr")
"""Adapters that have single atoms: no other model is loaded only to find that it has none."""


Layers = dict[str, list[Float64]]
"""One model's features [atoms, width] of each structure by layer, first to last."""


def last_of(layers: Layers) -> list[Float64]:
    """Return the layer that the zoo pools."""
    return list(layers.values())[-1]


def has_atoms(card: ModelCard) -> bool:
    """Whether a model has features of single atoms."""
    return card.adapter in ADAPTERS


def atom_layers(study: Study, data: SplitData) -> dict[str, Layers]:
    """Return the layers of the models of a split that have single atoms, on its samples."""
    wanted = study.plan.split(data.split)
    found = {}
    for model in data.embeddings:
        if model in ATOM_MODELS and has_atoms(study.source.cards[model]):
            samples = first_structures(study.source, model, wanted)
            place = {sample.id: index for index, sample in enumerate(samples)}
            found[model] = {
                name: [features[place[one]] for one in data.ids]
                for name, features in stored_layers(study.source, model, samples).items()
            }
    return found


def first_structures(source: Embeddings, model: str, wanted: SuiteSplit) -> tuple[Sample, ...]:
    """Those of the first structures of a split that a model embeds."""
    first = {sample.id for sample in source.split(wanted).samples[:STRUCTURES]}
    return tuple(sample for sample in source.accepted(model, wanted) if sample.id in first)


def stored_layers(source: Embeddings, model: str, samples: Sequence[Sample]) -> Layers:
    """Features [atoms, width] of each sample by layer, from the store or made and stored."""
    card = source.cards[model]
    identity = {
        "atoms": VERSION,
        "identity": dict(ZooSource(card).identity),
        "samples": [sample.digest for sample in samples],
    }
    names = source.store.read_result(key_of(identity), type=list[str]) or []
    found = {name: source.store.read_rows(key_of({**identity, "layer": name})) for name in names}
    kept = {name: rows for name, rows in found.items() if rows is not None}
    if not kept or len(kept) < len(names):
        kept = _computed(card, samples)
        for name, rows in kept.items():
            key = key_of({**identity, "layer": name})
            source.store.write_rows(key, rows, provenance={**identity, "layer": name})
        source.store.write_result(key_of(identity), list(kept))
    ends = np.cumsum([len(sample.atoms) for sample in samples if sample.atoms is not None])[:-1]
    return {
        name: np.split(np.asarray(rows.vectors, dtype=np.float64), ends)
        for name, rows in kept.items()
    }


def _computed(card: ModelCard, samples: Sequence[Sample]) -> dict[str, Rows]:
    """One entry a layer, the atoms of all samples one after the other."""
    model = load(card)
    found: dict[str, list[NDArray[np.float32]]] = {}
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
    ids = tuple(f"{s.id}#{place}" for s in samples for place in range(len(s.atoms or ())))
    return {
        name: Rows(ids=ids, refused={}, vectors=np.concatenate(features))
        for name, features in found.items()
    }
