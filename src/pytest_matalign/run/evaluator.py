"""From a case to its record: what both pytest and the command line drive.

Measuring says what is there, judging what it means; this puts the two together and knows nothing
of pytest.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.errors import MatalignError, MetricInputError, UnavailableError
from pytest_matalign.run.embedding_checks import judge_dimension
from pytest_matalign.run.first_release import FirstRelease
from pytest_matalign.run.grounds import Grounds
from pytest_matalign.run.judging import Judging
from pytest_matalign.run.measuring import Measurer, too_few
from pytest_matalign.run.release import Release
from pytest_matalign.verdicts.drift import drift
from pytest_matalign.verdicts.records import EmbeddingRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_matalign.embeddings.candidate import Candidate
    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.obtain import Door
    from pytest_matalign.embeddings.policy import Sources
    from pytest_matalign.suites.cases import Case, EmbeddingCase
    from pytest_matalign.suites.schema import Suite
    from pytest_matalign.verdicts.earlier_release import BaselineBook
    from pytest_matalign.verdicts.gate.self_check import Mode
    from pytest_matalign.verdicts.records import AlignmentRecord
    from pytest_matalign.zoo.card import ModelCard


class Evaluator:
    """Obtains embeddings, compares them, and judges the result.

    Attributes:
        measurer: What obtains and compares.
        grounds: References and courts of the candidate.
        first: What judges a candidate without a baseline.
    """

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
        mode: Mode,
    ) -> None:
        self.measurer = Measurer(
            suites=suites,
            cards=cards,
            door=door,
            sources=sources,
            samples=samples,
            candidate=candidate.card.id if candidate else None,
        )
        self._suites, self._baseline = suites, baseline
        self.grounds = Grounds(self.measurer, suites=suites, cards=cards, sources=sources)
        untrained = candidate.untrained if candidate else dict
        named = candidate is not None and candidate.names_untrained
        self.first = FirstRelease(self.grounds, own=untrained, named=named)
        seeds = candidate.seeds if candidate else ()
        self._release = Release(
            self.grounds, book=baseline, mode=mode, seeds=seeds, first=self.first
        )
        self._judging = Judging(
            self.measurer, suites=suites, cards=cards, book=baseline, release=self._release
        )

    def alignment_record(self, case: Case) -> AlignmentRecord:
        """Compare two models and judge the result; never raises for a model that fails."""
        return self._judging.judged(case)

    def embedding_record(self, case: EmbeddingCase) -> EmbeddingRecord:
        """Embed, and say how it went; never raises for a model that fails."""
        split = self.measurer.split(case.split)
        record = partial(
            EmbeddingRecord,
            suite=case.suite,
            split=case.split.id,
            model=case.model,
            requested=len(split.samples),
            fingerprint=split.fingerprint,
        )
        own = case.model == self.measurer.candidate
        try:
            embedding = self.measurer.embedding(case.model, case.split)
        except UnavailableError as error:
            # A reference may be missing, the model under test may not: nothing would be gated.
            if own:
                return record(verdict="error", reason=f"the candidate cannot be had: {error}")
            if case.model in self._suites[case.suite].required:
                reason = f"{case.model} is required by suite {case.suite!r}: {error}"
                return record(verdict="error", reason=reason)
            return record(verdict="skipped", reason=str(error))
        except MatalignError as error:
            tolerated = self.measurer.tolerates(case.suite) and not own
            return record(verdict="error", reason=str(error), tolerated=tolerated)
        record = partial(
            record,
            n=len(embedding),
            width=embedding.vectors.shape[1] if len(embedding) else None,
            refused=dict(sorted(Counter(embedding.refused.values()).items())),
            digest=embedding.digest,
            origin=embedding.origin,
            blocks=embedding.blocks,
        )
        if own:
            earlier = self._baseline.embedding(split)
            record = partial(
                record,
                drift=drift(embedding, earlier) if earlier is not None else None,
                release=self._release.judged(case.suite, case.split),
            )
        if reason := too_few(embedding):
            return _with_release(record(verdict="skipped", reason=reason))
        return _with_release(self._with_dimension(record, case, embedding))

    def _with_dimension(
        self, record: partial[EmbeddingRecord], case: EmbeddingCase, embedding: Embedding
    ) -> EmbeddingRecord:
        bands = [
            band
            for band in self._suites[case.suite].dimension
            if band.selects(case.model, case.split.id, candidate=self.measurer.candidate)
        ]
        if not bands:
            return record(verdict="passed")
        try:
            judged = judge_dimension(embedding, bands)
        except MetricInputError as error:
            return record(verdict="error", reason=str(error))
        return record(
            dimension=judged.dimension,
            expectations=judged.outcomes,
            verdict=judged.verdict,
            reason=judged.reason,
        )


def _with_release(record: EmbeddingRecord) -> EmbeddingRecord:
    """Return the record with the worse of its own verdict and that of its release."""
    release = record.release
    if release is None or release.verdict == "passed" or record.verdict in {"error", "failed"}:
        return record
    reason = " ".join(filter(None, (f"{record.model} {release.why}", record.reason)))
    return msgspec.structs.replace(record, verdict=release.verdict, reason=reason)
