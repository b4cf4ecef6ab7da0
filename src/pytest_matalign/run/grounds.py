"""What a candidate is judged by on a split: references of other families, and their court."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.errors import MatalignError
from pytest_matalign.verdicts.gate.judge import Court

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.policy import Sources
    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.run.measuring import Measurer
    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.suites.schema import Suite, SuiteSplit
    from pytest_matalign.zoo.card import ModelCard

ACCEPTED = 0.9
"""Share of the candidate's samples that a reference must accept to be judged by."""


class Grounds:
    """Gathers references and courts from the suites of a run."""

    def __init__(
        self,
        measurer: Measurer,
        *,
        suites: Mapping[str, Suite],
        cards: Mapping[str, ModelCard],
        sources: Sources,
    ) -> None:
        self.measurer, self.suites, self.cards = measurer, suites, cards
        self._sources = sources

    def references(
        self, suite: str, wanted: SuiteSplit, *, common: Sequence[str]
    ) -> Iterator[tuple[ModelCard, Embedding]]:
        """Yield trained models of other families that accept nearly all of these samples."""
        candidate = self.measurer.candidate
        family = self.cards[candidate].family if candidate else ""
        for model in self.suites[suite].models:
            card = self.cards[model]
            if model == candidate or card.family == family or card.role == "control":
                continue
            try:
                embedding = self.measurer.embedding(model, wanted)
            except MatalignError:
                continue  # told of by its own check
            if accepts(embedding, common):
                yield card, embedding

    def untrained(
        self, suite: str, wanted: SuiteSplit, own: Embedding
    ) -> Iterator[tuple[str, Embedding]]:
        """Yield untrained networks of the candidate's modality that are at hand, by card id."""
        cards, candidate = self.cards, self.measurer.candidate
        assert candidate is not None, "only a candidate is judged"
        modality = cards[candidate].modality
        for name, card in cards.items():
            if card.control != "untrained" or card.modality != modality or name == candidate:
                continue
            if name in self.suites[suite].controls:
                source = self._sources[name]
            elif self._sources.held(name, [wanted.id]):
                source = self._sources.packed(name)
            else:
                continue
            try:
                found = self.measurer.obtained(source, wanted)
            except MatalignError:
                continue
            if accepts(found, own.ids):
                yield name, found

    def court(
        self,
        wanted: SuiteSplit,
        ids: tuple[str, ...],
        used: Sequence[tuple[ModelCard, Embedding]],
    ) -> Court | None:
        """Return the court of these samples; None where they have no covariates."""
        from pytest_matalign.analysis.sample_groups import numeric_labels, sample_groups
        from pytest_matalign.analysis.shared import Reference

        known = {sample.id: sample for sample in self.measurer.split(wanted).samples}
        samples = [known[name] for name in ids]
        covariates = _covariates(samples)
        if not covariates:
            return None
        described, notes = self._described(wanted, ids)
        return Court(
            ids=ids,
            references=tuple(
                Reference(
                    model=card.id,
                    family=card.family,
                    corpus="; ".join(card.training),
                    rows=rows(embedding, ids),
                )
                for card, embedding in used
            ),
            covariates=(*covariates, *described),
            notes=notes,
            groups=sample_groups(samples),
            labels=numeric_labels(samples),
        )

    def _described(
        self, wanted: SuiteSplit, ids: tuple[str, ...]
    ) -> tuple[list[Float64], tuple[str, ...]]:
        """Rows (n, c) of the covariates a split names, and a sentence on each that is not here."""
        found, notes = [], []
        for name in wanted.covariates:
            try:
                embedding = self._obtained(name, wanted)
                missing = len(set(ids) - set(embedding.ids))
                why = f"it refuses {missing} of {len(ids)} samples" if missing else ""
            except MatalignError as error:
                why = str(error).rstrip(".")
            if why:
                notes.append(f"{name} was not projected out: {why}.")
            else:
                found.append(rows(embedding, ids))
        return found, tuple(notes)

    def _obtained(self, name: str, wanted: SuiteSplit) -> Embedding:
        """Rows of a pack, the same on every machine; computed where no pack has them."""
        if self._sources.held(name, [wanted.id]):
            try:
                return self.measurer.obtained(self._sources.packed(name), wanted)
            except MatalignError:
                pass  # of other samples, or fewer
        return self.measurer.embedding(name, wanted)


def accepts(embedding: Embedding, common: Sequence[str]) -> bool:
    """Return whether a model accepts nearly all of the candidate's samples."""
    return len(set(embedding.ids) & set(common)) >= ACCEPTED * len(common)


def rows(embedding: Embedding, ids: tuple[str, ...]) -> Float64:
    """Return the rows (n, d) of these samples."""
    return embedding.rows(ids).astype(np.float64)


def _covariates(samples: Sequence[Sample]) -> tuple[Float64, ...]:
    """Composition and size, without what is the same for every sample."""
    from pytest_matalign.zoo.adapters.composition import fractions
    from pytest_matalign.zoo.adapters.size import bumps

    blocks = (np.array([describe(s) for s in samples]) for describe in (fractions, bumps))
    return tuple(block for block in blocks if (block != block[0]).any())
