"""From a measured alignment to its record: expectations first, then the baseline."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.errors import MatalignError
from pytest_matalign.run.comparing import spec_of
from pytest_matalign.run.measuring import Measurement, NotMeasured
from pytest_matalign.suites.cases import alignment_cases, concerns
from pytest_matalign.suites.schema import matches
from pytest_matalign.verdicts.baseline import BaselineRow
from pytest_matalign.verdicts.expectations import (
    bound_speaks,
    combined_verdict,
    explain_bounds,
    judge_bound,
)
from pytest_matalign.verdicts.multiplicity import judged_together
from pytest_matalign.verdicts.records import AlignmentRecord, BaselineOutcome, ExpectationOutcome
from pytest_matalign.verdicts.regression import explain_baseline, judge_difference, judge_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_matalign.run.measuring import Measurer
    from pytest_matalign.run.release import Release
    from pytest_matalign.suites.cases import Case
    from pytest_matalign.suites.schema import Expectation, Suite
    from pytest_matalign.verdicts.earlier_release import BaselineBook
    from pytest_matalign.zoo.card import ModelCard


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a case is held against."""

    expectations: tuple[ExpectationOutcome, ...]
    baseline: BaselineOutcome | None


class Judging:
    """Judges the cases of a run, those of a candidate with regard to how many they are."""

    def __init__(
        self,
        measurer: Measurer,
        *,
        suites: Mapping[str, Suite],
        cards: Mapping[str, ModelCard],
        book: BaselineBook,
        release: Release,
    ) -> None:
        self._release = release
        self._measurer, self._suites, self._cards, self._book = measurer, suites, cards, book
        self._candidate = measurer.candidate
        self._families: dict[tuple[str, str], dict[str, Evidence]] = {}

    def judged(self, case: Case) -> AlignmentRecord:
        """Return the record of a case with its verdict; never raises for a model that fails."""
        record = partial(
            AlignmentRecord,
            suite=case.suite,
            split=case.split.id,
            a=case.a,
            b=case.b,
            pair_class=case.pair_class,
            metric=case.metric.name,
            higher_is_closer=_higher_is_closer(case),
        )
        found = self._measurer.measured(case)
        if isinstance(found, NotMeasured):
            return record(verdict=found.verdict, reason=found.reason, tolerated=found.tolerated)
        evidence = self._shown(case, self._weighed(case, found))
        reasons = (
            explain_bounds(evidence.expectations, n=found.alignment.n),
            explain_baseline(evidence.baseline, metric=case.metric.name),
        )
        return record(
            alignment=found.alignment,
            samples_fingerprint=found.samples_fingerprint,
            reference_identity=found.reference_identity,
            expectations=evidence.expectations,
            baseline=evidence.baseline,
            verdict=combined_verdict(evidence.expectations, evidence.baseline),
            reason=" ".join(filter(None, reasons)),
        )

    def _shown(self, case: Case, evidence: Evidence) -> Evidence:
        """Evidence in which a single reference fails nothing where the release is judged as one."""
        baseline = evidence.baseline
        if baseline is None or baseline.verdict != "regressed":
            return evidence
        if self._release.judged(case.suite, case.split) is None:
            return evidence
        moved = msgspec.structs.replace(baseline, verdict="moved")
        return msgspec.structs.replace(evidence, baseline=moved)

    def _weighed(self, case: Case, found: Measurement) -> Evidence:
        suite = self._suites[case.suite]
        if self._candidate is None or suite.multiplicity == "none":
            return self._evidence(case, found)
        return self._family(case)[case.id]

    def _family(self, case: Case) -> dict[str, Evidence]:
        """Evidence of every comparison of the candidate on one split, adjusted together.

        The whole split and not only what `-k` selected, so that a verdict does not depend on
        which other checks were run.
        """
        key = (case.suite, case.split.id)
        if key not in self._families:
            suite = self._suites[case.suite]
            every = alignment_cases(suite, self._cards, candidate=self._candidate)
            self._families[key] = _adjusted(
                {
                    one.id: self._evidence(one, found)
                    for one in every
                    if one.split.id == case.split.id
                    and isinstance(found := self._measurer.measured(one), Measurement)
                },
                families=self._family_count,
            )
        return self._families[key]

    @cached_property
    def _family_count(self) -> int:
        """Families of the run: expectations and regressions of each split, whatever is selected."""
        splits = {
            (case.suite, case.split.id)
            for suite in self._suites.values()
            if suite.multiplicity != "none"
            for case in alignment_cases(suite, self._cards, candidate=self._candidate)
        }
        return 2 * len(splits)

    def _evidence(self, case: Case, found: Measurement) -> Evidence:
        outcomes = (
            self._outcome(expectation, case, found)
            for expectation in self._suites[case.suite].expectation
            if concerns(expectation, case, candidate=self._candidate)
        )
        return Evidence(
            expectations=tuple(outcome for outcome in outcomes if outcome is not None),
            baseline=self._against_baseline(case, found),
        )

    def _outcome(
        self, expectation: Expectation, case: Case, found: Measurement
    ) -> ExpectationOutcome | None:
        """Outcome of an expectation; None where it has nothing to say about the pair."""
        if not expectation.above and not expectation.closer_than:
            one = found.alignment
            outcome = judge_bound(
                expectation, quantity=one.metric, value=one.value, low=one.low, high=one.high
            )
            if bound_speaks(expectation.measured, n=one.n):
                return outcome
            return msgspec.structs.replace(outcome, p_value=None, verdict="not-comparable")
        outcomes = [
            self._contrast(expectation, case, first=first, second=second, partner=partner)
            for first, second, partner in self._contrasts(expectation, case)
        ]
        # A pair must be above what the control gives with either of its models.
        return min(outcomes, key=_margin, default=None)

    def _contrasts(self, expectation: Expectation, case: Case) -> Iterator[tuple[str, str, str]]:
        """(first, second, partner): first must agree more with partner than second does."""
        if far := expectation.closer_than:
            assert expectation.between is not None, "the suite schema demands it"
            straight = all(
                matches(model, patterns, candidate=self._candidate)
                for model, patterns in zip((case.a, case.b), expectation.between, strict=True)
            )
            kept, close = (case.a, case.b) if straight else (case.b, case.a)
            if far not in {kept, close}:
                yield (close, far, kept)
            return
        assert expectation.above is not None
        for model, kept in ((case.a, case.b), (case.b, case.a)):
            # What is put in the place of the candidate's partner says nothing of the candidate.
            if kept == self._candidate:
                continue
            control = self._control(expectation.above, model, case)
            if control is not None and control not in {model, kept}:
                yield (model, control, kept)

    def _control(self, named: str, model: str, case: Case) -> str | None:
        if named != "untrained":
            return named
        family = self._cards[model].family
        return next(
            (
                control
                for control in self._suites[case.suite].controls
                if self._cards[control].control == "untrained"
                and self._cards[control].family == family
            ),
            None,
        )

    def _contrast(
        self, expectation: Expectation, case: Case, *, first: str, second: str, partner: str
    ) -> ExpectationOutcome:
        quantity = f"{case.metric.name} of {first} with {partner} minus that of {second}"
        try:
            difference = self._measurer.difference(
                *(self._measurer.embedding(model, case.split) for model in (first, second)),
                partner=self._measurer.embedding(partner, case.split),
                spec=spec_of(case.metric),
                tolerance=0.0,
            )
        except MatalignError as error:
            return ExpectationOutcome(
                id=expectation.id,
                bound="at_least",
                limit=expectation.at_least or 0.0,
                source=expectation.source,
                tooltip=expectation.tooltip,
                quantity=f"{quantity}: {error}",
                verdict="skipped",
            )
        sign = 1 if _higher_is_closer(case) else -1
        low, high = sorted((sign * difference.low, sign * difference.high))
        bound = expectation
        if expectation.at_least is None:
            bound = msgspec.structs.replace(expectation, at_least=0.0)
        return judge_bound(
            bound, quantity=quantity, value=sign * difference.value, low=low, high=high
        )

    def _against_baseline(self, case: Case, found: Measurement) -> BaselineOutcome | None:
        if self._candidate is None:
            return None
        row = self._book.row((case.suite, case.split.id, case.b, case.metric.name))
        if row is None:
            return None
        tolerance = case.metric.tolerance
        tolerance = self._book.tolerance if tolerance is None else tolerance
        higher = _higher_is_closer(case)
        earlier = self._book.embedding(self._measurer.split(case.split))
        if earlier is None:
            now = BaselineRow(
                suite=case.suite,
                split=case.split.id,
                reference=case.b,
                reference_identity=found.reference_identity,
                samples_fingerprint=found.samples_fingerprint,
                alignment=found.alignment,
            )
            return judge_values(now, row, tolerance=tolerance, higher_is_closer=higher)
        try:
            difference = self._measurer.difference(
                self._measurer.embedding(case.a, case.split),
                earlier,
                partner=self._measurer.embedding(case.b, case.split),
                spec=spec_of(case.metric),
                tolerance=tolerance,
            )
        except MatalignError as error:
            return BaselineOutcome(
                verdict="not-comparable",
                value=row.alignment.value,
                tolerance=tolerance,
                reason=f"the embeddings of the baseline cannot be used: {error}".rstrip("."),
            )
        same_samples = difference.n == found.alignment.n
        value = found.alignment.value - difference.value if same_samples else row.alignment.value
        return judge_difference(
            difference, value=value, tolerance=tolerance, higher_is_closer=higher
        )


def _adjusted(found: Mapping[str, Evidence], *, families: int) -> dict[str, Evidence]:
    """Evidence adjusted for their number: expectations and regressions each among themselves."""
    expected = judged_together(
        {
            (case, place): outcome
            for case, evidence in found.items()
            for place, outcome in enumerate(evidence.expectations)
        },
        families=families,
    )
    compared = judged_together(
        {case: one.baseline for case, one in found.items() if one.baseline is not None},
        families=families,
    )
    return {
        case: Evidence(
            expectations=tuple(expected[case, place] for place in range(len(one.expectations))),
            baseline=compared.get(case),
        )
        for case, one in found.items()
    }


def _margin(outcome: ExpectationOutcome) -> float:
    """How far a difference is above its bound; what could not be judged comes last."""
    return float("inf") if outcome.value is None else outcome.value - outcome.limit


def _higher_is_closer(case: Case) -> bool:
    return spec_of(case.metric).direction == "higher"
