"""From a case to what was measured: obtain two embeddings and compare them.

Nothing here knows of pytest, of verdicts or of baselines. Measurements are
remembered for the length of a run, and a broken model is told of once and not once per pair.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from pytest_matalign.cache import key_of
from pytest_matalign.embeddings.embedding import common_ids
from pytest_matalign.errors import MatalignError, UnavailableError
from pytest_matalign.run.comparing import Comparer, spec_of
from pytest_matalign.statistics.alignment import Alignment  # noqa: TC001  msgspec resolves it

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.obtain import Door, Source
    from pytest_matalign.embeddings.policy import Sources
    from pytest_matalign.splits.split import Split
    from pytest_matalign.suites.cases import Case
    from pytest_matalign.suites.schema import Suite, SuiteSplit
    from pytest_matalign.zoo.card import ModelCard

MINIMUM_COVERAGE = 0.5
"""A model that refuses more than half of a split is not compared on it."""


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """The alignment of a case, and what decides whether another may be held against it."""

    alignment: Alignment
    samples_fingerprint: str
    """Of the samples both models accepted."""
    reference_identity: str
    """Of the second model's rows: a digest of its weights and adapter version."""


class NotMeasured(msgspec.Struct, frozen=True, kw_only=True):
    """Why a case has no alignment."""

    verdict: Literal["skipped", "error"]
    reason: str
    tolerated: bool = False
    """Whether the error counts against its suite's error budget instead of failing by itself."""


Measured: TypeAlias = Measurement | NotMeasured


class Measurer:
    """Obtains embeddings and compares them; a failure is a value, told of by its own check."""

    def __init__(
        self,
        *,
        suites: Mapping[str, Suite],
        cards: Mapping[str, ModelCard],
        door: Door,
        sources: Sources,
        samples: int | None,
        candidate: str | None,
    ) -> None:
        self.candidate = candidate
        """Card id of the model under test."""
        self.checked: frozenset[tuple[str, str]] = frozenset()
        """(model, split) of embeddings with a check of their own in this run."""
        self._suites, self._cards = suites, cards
        self._door, self._sources, self._samples = door, sources, samples
        self._measured: dict[tuple[str, str], Measured] = {}
        comparer = Comparer(
            store=door.store, metrics=(m for suite in suites.values() for m in suite.metric)
        )
        self._alignment, self.difference = comparer.alignment, comparer.difference

    def split(self, wanted: SuiteSplit) -> Split:
        """Return the split, cut to the number of samples of this run."""
        samples = self._samples or wanted.samples
        return self._door.split(wanted.file or wanted.id, samples=samples)

    def embedding(self, model: str, wanted: SuiteSplit) -> Embedding:
        """Return the embedding of one model on one split; raises as `Door.obtain`."""
        return self._door.obtain(self._sources[model], self.split(wanted))

    def obtained(
        self, source: Source, wanted: SuiteSplit, *, at_most: int | None = None
    ) -> Embedding:
        """Return rows of a source that is no model of the suites; raises as `Door.obtain`.

        Args:
            source: Of the rows.
            wanted: The split.
            at_most: Samples of it that are asked for; all of the run if None.
        """
        split = self.split(wanted)
        if at_most is not None and at_most < len(split.samples):
            split = self._door.split(wanted.file or wanted.id, samples=at_most)
        return self._door.obtain(source, split)

    def traceback(self, model: str, wanted: SuiteSplit) -> str:
        """Return what the model's own code raised, for a failed embedding; empty if nothing."""
        from traceback import format_exception

        error = self._failure(model, wanted)
        cause = error.__cause__ if error else None
        return "".join(format_exception(cause)) if cause else ""

    def measured(self, case: Case) -> Measured:
        """Return the alignment of a case, or why there is none; never raises for a model."""
        key = (case.suite, case.id)
        if key not in self._measured:
            try:
                self._measured[key] = self._measure(case)
            except UnavailableError as error:
                self._measured[key] = NotMeasured(verdict="skipped", reason=str(error))
            except MatalignError as error:
                self._measured[key] = self._failed(case, error)
        return self._measured[key]

    def tolerates(self, suite: str) -> bool:
        """Return whether a gate counts the errors of this suite's references."""
        return any(gate.kind == "error-budget" for gate in self._suites[suite].gate)

    def _measure(self, case: Case) -> Measurement:
        a, b = (self.embedding(model, case.split) for model in (case.a, case.b))
        for embedding in (a, b):
            if reason := too_few(embedding):
                raise UnavailableError(f"{embedding.model} on {embedding.split}: {reason}")
        samples = {"split": self.split(case.split).fingerprint, "ids": list(common_ids(a, b))}
        return Measurement(
            alignment=self._alignment(a, b, spec_of(case.metric)),
            samples_fingerprint=key_of(samples)[:32],
            reference_identity=_identity(self._cards[case.b]),
        )

    def _failed(self, case: Case, error: MatalignError) -> NotMeasured:
        """A failed model is one error where its own check runs, not one a pair."""
        failed = [model for model in (case.a, case.b) if self._failure(model, case.split)]
        for model in failed:
            if (model, case.split.id) in self.checked:
                reason = f"{model} has no embedding of {case.split.id}: its own check failed"
                return NotMeasured(verdict="skipped", reason=reason)
        return NotMeasured(
            verdict="error",
            reason=str(error),
            tolerated=self.tolerates(case.suite) and self.candidate not in failed,
        )

    def _failure(self, model: str, wanted: SuiteSplit) -> MatalignError | None:
        return self._door.failure(self._sources[model], self.split(wanted))


def _identity(card: ModelCard) -> str:
    """What decides a model's rows: a digest of its weights and of the adapter's version."""
    from pytest_matalign.zoo.adapter import adapter_version
    from pytest_matalign.zoo.weights.files import described_digest

    version = adapter_version(card)
    return key_of({"weights": described_digest(card), "adapter_version": version})[:32]


def too_few(embedding: Embedding) -> str:
    """Return why an embedding covers too little of its split to be compared; else nothing."""
    asked = len(embedding) + len(embedding.refused)
    if asked and len(embedding) >= MINIMUM_COVERAGE * asked:
        return ""
    reason, count = Counter(embedding.refused.values()).most_common(1)[0]
    return f"accepts {len(embedding)} of {asked} samples (most often: {reason}, {count} times)"
