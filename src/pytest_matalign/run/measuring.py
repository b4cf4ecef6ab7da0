"""From a case to its record: the engine that both pytest and the command line drive.

Nothing here knows of pytest. Embeddings and results are remembered for the length of a run, a
failure too, so that one broken model is told of once and not once a pair.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.errors import MatalignError, UnavailableError
from pytest_matalign.run.comparing import MEASURED, Comparer, spec_of
from pytest_matalign.run.embedding_checks import portray
from pytest_matalign.run.judging import Judging
from pytest_matalign.scorecard.model import AlignmentRecord, EmbeddingRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_matalign.embeddings.candidate import Candidate
    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.obtain import Door
    from pytest_matalign.embeddings.policy import Sources
    from pytest_matalign.splits import Split
    from pytest_matalign.suites.cases import Case, EmbeddingCase
    from pytest_matalign.suites.schema import Suite, SuiteSplit
    from pytest_matalign.verdicts.earlier_release import BaselineBook
    from pytest_matalign.zoo.card import ModelCard

MINIMUM_COVERAGE = 0.5
"""A model that refuses more than half of a split is not compared on it."""


class Evaluator:
    """Obtains embeddings, compares them, and judges the result."""

    def __init__(
        self,
        *,
        suites: Mapping[str, Suite],
        cards: Mapping[str, ModelCard],
        door: Door,
        sources: Sources,
        samples: int | None,
        candidate: Candidate | None,
        baseline: BaselineBook,
    ) -> None:
        self.suites, self.cards, self.candidate = suites, cards, candidate
        self.told: frozenset[tuple[str, str]] = frozenset()
        """(model, split) whose failure a check of its own reports in this run."""
        self._door, self._sources, self._samples = door, sources, samples
        self._measured: dict[tuple[str, str], AlignmentRecord] = {}
        self._baseline = baseline
        self._judging = Judging(
            self,
            suites=suites,
            cards=cards,
            candidate=candidate.card.id if candidate else None,
            book=baseline,
        )
        self._comparer = Comparer(
            store=door.store, metrics=(m for suite in suites.values() for m in suite.metric)
        )
        self.difference = self._comparer.difference

    def split(self, wanted: SuiteSplit) -> Split:
        """The split, cut to the number of samples of this run."""
        samples = self._samples or wanted.samples
        return self._door.split(wanted.file or wanted.id, samples=samples)

    def embedding(self, model: str, wanted: SuiteSplit) -> Embedding:
        """The embedding of one model on one split; raises as `Door.obtain`."""
        return self._door.obtain(self._sources[model], self.split(wanted))

    def traceback(self, model: str, wanted: SuiteSplit) -> str:
        """What the model's own code raised, for a failed embedding; empty if nothing."""
        from traceback import format_exception

        error = self._failure(model, wanted)
        cause = error.__cause__ if error else None
        return "".join(format_exception(cause)) if cause else ""

    def embedding_record(self, case: EmbeddingCase) -> EmbeddingRecord:
        """Embed, and say how it went; never raises for a model that fails."""
        split = self.split(case.split)
        empty = EmbeddingRecord(
            suite=case.suite,
            split=case.split.id,
            model=case.model,
            requested=len(split.samples),
            fingerprint=split.fingerprint,
            verdict="passed",
        )
        try:
            embedding = self.embedding(case.model, case.split)
        except UnavailableError as error:
            # A reference may be missing, the model under test may not: nothing would be gated.
            if self._is_candidate(case.model):
                verdict, reason = "error", f"the candidate cannot be had: {error}"
            elif case.model in self.suites[case.suite].required:
                verdict = "error"
                reason = f"{case.model} is required by suite {case.suite!r}: {error}"
            else:
                verdict, reason = "skipped", str(error)
            return msgspec.structs.replace(empty, verdict=verdict, reason=reason)
        except MatalignError as error:
            return msgspec.structs.replace(
                empty,
                verdict="error",
                reason=str(error),
                tolerated=self._tolerates(case.suite) and not self._is_candidate(case.model),
            )
        record = msgspec.structs.replace(
            empty,
            n=len(embedding),
            width=embedding.vectors.shape[1] if len(embedding) else None,
            refused=dict(sorted(Counter(embedding.refused.values()).items())),
            digest=embedding.digest,
            source=embedding.source,
            blocks=embedding.blocks,
            verdict="skipped" if _too_few(embedding) else "passed",
            reason=_too_few(embedding),
        )
        if record.verdict == "skipped":
            return record
        candidate = self.candidate.card.id if self.candidate else None
        earlier = self._baseline.embedding(split) if case.model == candidate else None
        suite = self.suites[case.suite]
        return portray(record, embedding, suite=suite, candidate=candidate, earlier=earlier)

    def alignment_record(self, case: Case) -> AlignmentRecord:
        """Compare two models and judge the result; never raises for a model that fails."""
        return self._judging.judged(case)

    def measured(self, case: Case) -> AlignmentRecord:
        """Compare two models; the record says `no-baseline` where nothing stopped it."""
        key = (case.suite, case.id)
        if key not in self._measured:
            self._measured[key] = self._measure(case)
        return self._measured[key]

    def _measure(self, case: Case) -> AlignmentRecord:
        spec = spec_of(case.metric)
        blank = AlignmentRecord(
            suite=case.suite,
            split=case.split.id,
            a=case.a,
            b=case.b,
            pair_class=case.pair_class,
            metric=case.metric.name,
            estimator=spec.estimator,
            k=spec.k,
            preprocess=spec.preprocess,
            higher_is_closer=spec.direction == "higher",
            verdict="skipped",
        )
        try:
            pair = [self.embedding(model, case.split) for model in (case.a, case.b)]
            _demand_coverage(pair)
            estimate = self._comparer.estimate(pair[0], pair[1], spec)
        except UnavailableError as error:
            return msgspec.structs.replace(blank, reason=str(error))
        except MatalignError as error:
            return self._without_embedding(case, blank, error)
        return msgspec.structs.replace(
            blank,
            **{key: estimate[key] for key in MEASURED},
            directions=tuple(estimate["directions"]) if estimate["directions"] else None,
            fingerprint=self._fingerprint(case, *pair),
            reference=_identity(self.cards[case.b]),
            verdict="no-baseline",
        )

    def _without_embedding(
        self, case: Case, blank: AlignmentRecord, error: MatalignError
    ) -> AlignmentRecord:
        """A failed model is one error where its own check runs, not one a pair."""
        for model in (case.a, case.b):
            if self._failure(model, case.split) and (model, case.split.id) in self.told:
                reason = f"{model} has no embedding of {case.split.id}: its own check failed"
                return msgspec.structs.replace(blank, reason=reason)
        candidates = [m for m in (case.a, case.b) if self._is_candidate(m)]
        own = any(self._failure(model, case.split) for model in candidates)
        return msgspec.structs.replace(
            blank,
            verdict="error",
            reason=str(error),
            tolerated=self._tolerates(case.suite) and not own,
        )

    def _tolerates(self, suite: str) -> bool:
        """Whether a gate counts the errors of this suite's references."""
        return any(gate.kind == "error-budget" for gate in self.suites[suite].gate)

    def _fingerprint(self, case: Case, a: Embedding, b: Embedding) -> str:
        """Digest of the samples two models were compared on."""
        from pytest_matalign.cache import key_of
        from pytest_matalign.embeddings.embedding import common_ids

        split = self.split(case.split)
        return key_of({"split": split.fingerprint, "ids": list(common_ids(a, b))})[:32]

    def _failure(self, model: str, wanted: SuiteSplit) -> MatalignError | None:
        return self._door.failure(self._sources[model], self.split(wanted))

    def _is_candidate(self, model: str) -> bool:
        return self.candidate is not None and model == self.candidate.card.id


def _identity(card: ModelCard) -> str:
    """What decides a model's rows: a digest of its weights and of the adapter's version."""
    from pytest_matalign.cache import key_of
    from pytest_matalign.zoo.adapter import adapter_version
    from pytest_matalign.zoo.weights.files import described_digest

    version = adapter_version(card)
    return key_of({"weights": described_digest(card), "adapter_version": version})[:32]


def _demand_coverage(pair: Iterable[Embedding]) -> None:
    for embedding in pair:
        if reason := _too_few(embedding):
            raise UnavailableError(f"{embedding.model} on {embedding.split}: {reason}")


def _too_few(embedding: Embedding) -> str:
    """Why an embedding covers too little of its split to be compared; empty if it does not."""
    asked = len(embedding) + len(embedding.refused)
    if asked and len(embedding) >= MINIMUM_COVERAGE * asked:
        return ""
    reason, count = Counter(embedding.refused.values()).most_common(1)[0]
    return f"accepts {len(embedding)} of {asked} samples (most often: {reason}, {count} times)"
