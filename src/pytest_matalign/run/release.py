"""A candidate against its baseline on one split: gathers what `verdicts.gate` judges.

Judged as one where the baseline keeps its embeddings, a reference of another family is at hand
and enough samples are common; the comparisons with single references then say where the candidate
moved, and fail nothing. Elsewhere they decide, as for a baseline of values alone. A candidate
that the baseline knows nothing of on a split is a first release there (`first_release`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.embeddings.embedding import common_ids
from pytest_matalign.embeddings.extraction import one_thread
from pytest_matalign.errors import MatalignError
from pytest_matalign.run.grounds import accepts, rows
from pytest_matalign.verdicts.gate.coverage import coverage
from pytest_matalign.verdicts.gate.finding import Finding, judgement
from pytest_matalign.verdicts.gate.judge import LEAST_SAMPLES, judge
from pytest_matalign.verdicts.gate.places import standings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.obtain import Source
    from pytest_matalign.run.first_release import FirstRelease
    from pytest_matalign.run.grounds import Grounds
    from pytest_matalign.suites.schema import SuiteSplit
    from pytest_matalign.verdicts.earlier_release import BaselineBook
    from pytest_matalign.verdicts.gate.finding import Judgement
    from pytest_matalign.verdicts.gate.self_check import Mode


class Release:
    """Judges the candidate of a run as one, once per suite and split."""

    def __init__(
        self,
        grounds: Grounds,
        *,
        book: BaselineBook,
        mode: Mode,
        seeds: Sequence[Source],
        first: FirstRelease,
    ) -> None:
        self._grounds, self._measurer = grounds, grounds.measurer
        self._book, self._mode, self._seeds, self._first = book, mode, seeds, first
        self._found: dict[tuple[str, str], Judgement | None] = {}

    def judged(self, suite: str, split: SuiteSplit) -> Judgement | None:
        """Return the judgement of the candidate on a split; None where it cannot be judged as one.

        Never raises for a model that fails.
        """
        key = (suite, split.id)
        if key not in self._found:
            try:
                self._found[key] = self._judge(suite, split)
            except MatalignError as error:
                # Such as a seed or a network untrained that is named and cannot be had.
                why = f"cannot be judged on {split.id}: {error}"
                self._found[key] = judgement((Finding(check="grounds", verdict="failed", why=why),))
        return self._found[key]

    def _judge(self, suite: str, wanted: SuiteSplit) -> Judgement | None:
        candidate = self._measurer.candidate
        if candidate is None:
            return None
        if not self._book.knows(wanted.id):
            with one_thread():
                return self._first.judged(suite, wanted)
        split = self._measurer.split(wanted)
        earlier = self._book.embedding(split)
        if earlier is None:
            return None
        own = self._measurer.embedding(candidate, wanted)
        used = list(self._grounds.references(suite, wanted, common=common_ids(own, earlier)))
        seeds = self._retrained(wanted, common_ids(own, earlier))
        ids = common_ids(own, earlier, *(embedding for _, embedding in used), *seeds)
        covered = coverage(accepted=own.ids, baseline=earlier.ids, reasons=own.refused)
        # However few are left, refusing the others fails.
        alone = judgement((covered,)) if covered.verdict == "failed" else None
        if not used or len(ids) < LEAST_SAMPLES:
            return alone
        court = self._grounds.court(wanted, ids, used)
        if court is None:
            return alone
        with one_thread():
            new, old, *others = (court.prepare(rows(one, ids)) for one in (own, earlier, *seeds))
            untrained = {
                name: (self._grounds.cards[name].family, court.prepare(rows(one, ids)))
                for name, one in self._grounds.untrained(suite, wanted, own)
                if set(ids) <= set(one.ids)
            }
            judged = judge(new, old, mode=self._mode, covered=covered, seeds=others)
            return msgspec.structs.replace(
                judged,
                standings=standings(new, untrained, baseline=old),
                notes=court.notes,
            )

    def _retrained(self, wanted: SuiteSplit, common: Sequence[str]) -> list[Embedding]:
        """The host's other seeds that accept nearly all samples.

        Raises:
            MatalignError: If one cannot be had: a band of fewer seeds would be another band.
        """
        found = [self._measurer.obtained(source, wanted) for source in self._seeds]
        return [embedding for embedding in found if accepts(embedding, common)]
