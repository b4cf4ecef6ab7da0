"""Where a study's embeddings come from: the store, packages and packs that pytest uses too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pytest_matalign.cache import key_of
from pytest_matalign.embeddings.embedding import Embedding
from pytest_matalign.embeddings.obtain import Door
from pytest_matalign.embeddings.pack_hub import packs_at_hand
from pytest_matalign.embeddings.policy import Policy, Sources
from pytest_matalign.embeddings.sources import ZooSource
from pytest_matalign.embeddings.store import Store
from pytest_matalign.environments.loading import load
from pytest_matalign.errors import UnavailableError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.progress import embedding_line
from pytest_matalign.splits.sample import Sample
from pytest_matalign.splits.split import Split
from pytest_matalign.study.measures.energies import (
    ENERGIES_VERSION,
    predicted_energies,
    predicted_forces,
    predicts_energies,
)
from pytest_matalign.study.measures.selection import measured_cost
from pytest_matalign.study.measures.xtb import XTB_VERSION, gfn2_labels
from pytest_matalign.study.plan import Plan
from pytest_matalign.suites.schema import SuiteSplit
from pytest_matalign.zoo.card import ModelCard
from pytest_matalign.zoo.catalogue import cards
from pytest_matalign.zoo.model import Model

TIMED = 12
"""Samples a model is timed on."""


class Embeddings:
    """Embeddings of zoo models on splits, each obtained once."""

    def __init__(
        self,
        *,
        cards: Mapping[str, ModelCard],
        store: Store,
        allow_pickle: bool = False,
        references: Policy = "auto",
        packs: tuple[str, ...] = (),
    ) -> None:
        self.cards, self.store, self._allow_pickle = cards, store, allow_pickle
        self._sources = Sources(
            cards,
            policy=references,
            packs=packs_at_hand(packs, root=Path.cwd()),
            allow_pickle=allow_pickle,
        )
        self._door = Door(store=store, progress=embedding_line)

    def split(self, wanted: SuiteSplit) -> Split:
        """The samples of a split."""
        return self._door.split(wanted.file or wanted.id, samples=wanted.samples)

    def accepted(self, model: str, wanted: SuiteSplit) -> tuple[Sample, ...]:
        """The samples of a split that one model embeds, in order."""
        ids = set(self.embedding(model, wanted).ids)
        return tuple(sample for sample in self.split(wanted).samples if sample.id in ids)

    def _kept(self, identity: Mapping[str, Any], make: Callable[[], Any]) -> Any:
        """A JSON-plain result, from the store or made and stored."""
        key = key_of(identity)
        stored = self.store.read_result(key, type=object)
        if stored is None:
            stored = make()
            self.store.write_result(key, stored)
        return stored

    def _asked(
        self, what: str, model: str, samples: Sequence[Sample], make: Callable[[], Any]
    ) -> Any:
        """A result of one model on some samples."""
        identity = {
            "result": what,
            "identity": dict(ZooSource(self.cards[model]).identity),
            "samples": [sample.digest for sample in samples],
        }
        return self._kept(identity, make)

    def energies(self, model: str, wanted: SuiteSplit) -> dict[str, float]:
        """Energies per atom in eV that a potential predicts, by sample.

        Raises:
            UnavailableError: It is no potential that runs on this machine.
        """
        return self._predicted(f"energies {ENERGIES_VERSION}", predicted_energies, model, wanted)

    def forces(self, model: str, wanted: SuiteSplit) -> dict[str, float]:
        """Forces in eV/Å along a drawn direction that a potential predicts, by sample.

        Raises:
            UnavailableError: As `energies`.
        """
        return self._predicted("forces 1", predicted_forces, model, wanted)

    def _predicted(
        self, what: str, ask: Callable[..., Float64], model: str, wanted: SuiteSplit
    ) -> dict[str, float]:
        card = self.cards[model]
        if not predicts_energies(card):
            raise UnavailableError(f"{model}: it is no potential that runs on this machine.")
        samples = self.accepted(model, wanted)

        def make() -> list[float]:
            found: list[float] = ask(card, samples, allow_pickle=self._allow_pickle).tolist()
            return found

        values = self._asked(what, model, samples, make)
        return dict(zip([sample.id for sample in samples], values, strict=True))

    def xtb_energies(self, wanted: SuiteSplit) -> dict[str, float]:
        """Energies per atom in eV by GFN2-xTB, of the samples that can be labelled.

        Raises:
            UnavailableError: `tblite` is not installed.
        """
        samples = self.split(wanted).samples

        def make() -> dict[str, float]:
            ids = [sample.id for sample in samples]
            values = gfn2_labels(samples)[:, 0].tolist()
            return {name: one for name, one in zip(ids, values, strict=True) if np.isfinite(one)}

        identity = {"gfn2": XTB_VERSION, "samples": [sample.digest for sample in samples]}
        found: dict[str, float] = self._kept(identity, make)
        return found

    def cost(self, model: str, wanted: SuiteSplit) -> float:
        """Measured CPU seconds a sample on the first samples of a split."""
        samples = self.accepted(model, wanted)[:TIMED]
        card = self.cards[model]
        return float(
            self._asked("cost", model, samples, lambda: measured_cost(self._loaded(card), samples))
        )

    def _loaded(self, card: ModelCard) -> Model:
        return load(card, allow_pickle=self._allow_pickle)

    def embedding(self, model: str, wanted: SuiteSplit) -> Embedding:
        """The embedding of one model on one split.

        Raises:
            UnavailableError: If the model cannot be had here.
            ExtractionError: If the model fails on the split.
        """
        return self._door.obtain(self._sources[model], self.split(wanted))


def embeddings_of(plan: Plan, store: Path) -> Embeddings:
    """Return the embeddings a plan asks for, kept in a store."""
    return Embeddings(
        cards=cards(),
        store=Store(store),
        allow_pickle=plan.allow_pickle,
        references=plan.references,
        packs=plan.packs,
    )
