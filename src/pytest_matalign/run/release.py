"""A candidate against its baseline on one split: gathers what `verdicts.gate` judges.

Judged as one where the baseline keeps its embeddings, a reference of another family is at hand
and enough samples are common; the comparisons with single references then say where the candidate
moved, and fail nothing. Elsewhere they decide, as for a baseline of values alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.embeddings.embedding import common_ids
from pytest_matalign.embeddings.extraction import one_thread
from pytest_matalign.errors import MatalignError
from pytest_matalign.verdicts.gate.coverage import coverage
from pytest_matalign.verdicts.gate.finding import judgement
from pytest_matalign.verdicts.gate.judge import LEAST_SAMPLES, Court, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.run.measuring import Measurer
    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.suites.schema import Suite, SuiteSplit
    from pytest_matalign.verdicts.earlier_release import BaselineBook
    from pytest_matalign.verdicts.gate.finding import Judgement
    from pytest_matalign.verdicts.gate.self_check import Mode
    from pytest_matalign.zoo.card import ModelCard

ACCEPTED = 0.9
"""Share of the candidate's samples that a reference must accept to be judged by."""


class Release:
    """Judges the candidate of a run against its baseline, once per suite and split."""

    def __init__(
        self,
        measurer: Measurer,
        *,
        suites: Mapping[str, Suite],
        cards: Mapping[str, ModelCard],
        book: BaselineBook,
        mode: Mode,
    ) -> None:
        self._measurer, self._suites, self._cards = measurer, suites, cards
        self._book, self._mode = book, mode
        self._found: dict[tuple[str, str], Judgement | None] = {}

    def judged(self, suite: str, split: SuiteSplit) -> Judgement | None:
        """Return the judgement of the candidate on a split; None where it cannot be judged as one.

        Never raises for a model that fails.
        """
        key = (suite, split.id)
        if key not in self._found:
            try:
                self._found[key] = self._judge(suite, split)
            except MatalignError:
                self._found[key] = None  # the candidate's own check tells of what is wrong with it
        return self._found[key]

    def _judge(self, suite: str, wanted: SuiteSplit) -> Judgement | None:
        candidate = self._measurer.candidate
        split = self._measurer.split(wanted)
        earlier = self._book.embedding(split) if candidate else None
        if candidate is None or earlier is None:
            return None
        own = self._measurer.embedding(candidate, wanted)
        used = list(self._references(suite, wanted, common=common_ids(own, earlier)))
        ids = common_ids(own, earlier, *(embedding for _, embedding in used))
        covered = coverage(accepted=own.ids, baseline=earlier.ids, reasons=own.refused)
        # However few are left, refusing the others fails.
        alone = judgement((covered,)) if covered.verdict == "failed" else None
        if not used or len(ids) < LEAST_SAMPLES:
            return alone
        samples = {sample.id: sample for sample in split.samples}
        court = self._court([samples[name] for name in ids], used)
        if court is None:
            return alone
        with one_thread():
            new, old = (court.prepare(_rows(embedding, ids)) for embedding in (own, earlier))
            return judge(new, old, mode=self._mode, covered=covered)

    def _references(
        self, suite: str, wanted: SuiteSplit, *, common: Sequence[str]
    ) -> Iterator[tuple[ModelCard, Embedding]]:
        """Trained models of other families that accept nearly all of the candidate's samples."""
        candidate = self._measurer.candidate
        family = self._cards[candidate].family if candidate else ""
        for model in self._suites[suite].models:
            card = self._cards[model]
            if model == candidate or card.family == family or card.role == "control":
                continue
            try:
                embedding = self._measurer.embedding(model, wanted)
            except MatalignError:
                continue  # told of by its own check
            if len(set(embedding.ids) & set(common)) >= ACCEPTED * len(common):
                yield card, embedding

    def _court(
        self, samples: Sequence[Sample], used: Sequence[tuple[ModelCard, Embedding]]
    ) -> Court | None:
        from pytest_matalign.analysis.sample_groups import numeric_labels, sample_groups
        from pytest_matalign.analysis.shared import Reference

        covariates = _covariates(samples)
        ids = tuple(sample.id for sample in samples)
        if not covariates:
            return None
        return Court(
            ids=ids,
            references=tuple(
                Reference(
                    model=card.id,
                    family=card.family,
                    corpus="; ".join(card.training),
                    rows=_rows(embedding, ids),
                )
                for card, embedding in used
            ),
            covariates=covariates,
            groups=sample_groups(samples),
            labels=numeric_labels(samples),
        )


def _covariates(samples: Sequence[Sample]) -> tuple[Float64, ...]:
    """Composition and size, without what is the same for every sample."""
    from pytest_matalign.zoo.adapters.composition import fractions
    from pytest_matalign.zoo.adapters.size import bumps

    blocks = (np.array([describe(s) for s in samples]) for describe in (fractions, bumps))
    return tuple(block for block in blocks if (block != block[0]).any())


def _rows(embedding: Embedding, ids: tuple[str, ...]) -> Float64:
    return embedding.rows(ids).astype(np.float64)
