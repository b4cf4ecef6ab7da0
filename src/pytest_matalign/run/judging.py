"""From a measured alignment to its verdict: expectations first, then the baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from pytest_matalign.errors import MatalignError
from pytest_matalign.run.comparing import spec_of
from pytest_matalign.scorecard.model import BaselineOutcome, ExpectationOutcome
from pytest_matalign.suites.cases import alignment_cases, concerns
from pytest_matalign.suites.schema import matches
from pytest_matalign.verdicts import expectations as judge
from pytest_matalign.verdicts import regression
from pytest_matalign.verdicts.multiplicity import benjamini_hochberg

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.metrics.spec import MetricSpec
    from pytest_matalign.scorecard.model import AlignmentRecord
    from pytest_matalign.splits import Split
    from pytest_matalign.suites.cases import Case
    from pytest_matalign.suites.schema import Expectation, Suite, SuiteSplit
    from pytest_matalign.verdicts.earlier_release import BaselineBook
    from pytest_matalign.zoo.card import ModelCard


class Measures(Protocol):
    """What judging needs of the engine."""

    def measured(self, case: Case) -> AlignmentRecord:
        """The alignment of a case, not yet judged."""
        ...

    def embedding(self, model: str, wanted: SuiteSplit) -> Embedding:
        """The embedding of a model."""
        ...

    def split(self, wanted: SuiteSplit) -> Split:
        """The split of this run."""
        ...

    def difference(
        self, first: Embedding, second: Embedding, *, partner: Embedding, spec: MetricSpec,
        tolerance: float,
    ) -> Mapping[str, Any]:  # fmt: skip
        """Fields of `statistics.Difference` of two alignments with one partner."""
        ...


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything a case is held against."""

    expectations: tuple[ExpectationOutcome, ...]
    baseline: BaselineOutcome | None


class Judging:
    """Judges the cases of a run, those of a candidate with regard to how many they are."""

    def __init__(
        self,
        measures: Measures,
        *,
        suites: Mapping[str, Suite],
        cards: Mapping[str, ModelCard],
        candidate: str | None,
        book: BaselineBook,
    ) -> None:
        self._measures, self._suites, self._cards = measures, suites, cards
        self._candidate, self._book = candidate, book
        self._families: dict[tuple[str, str], dict[str, Evidence]] = {}

    def judged(self, case: Case) -> AlignmentRecord:
        """The record of a case with its verdict; never raises for a model that fails."""
        record = self._measures.measured(case)
        if record.value is None or record.low is None or record.high is None:
            return record
        evidence = self._weighed(case, record)
        reasons = (
            judge.explain(
                evidence.expectations,
                value=record.value,
                low=record.low,
                high=record.high,
                metric=record.metric,
                n=record.n,
            ),
            regression.explain(evidence.baseline, metric=record.metric),
        )
        return msgspec.structs.replace(
            record,
            expectations=evidence.expectations,
            baseline=evidence.baseline,
            verdict=judge.combine(evidence.expectations, evidence.baseline),
            reason=" ".join(filter(None, reasons)),
        )

    def _weighed(self, case: Case, record: AlignmentRecord) -> Evidence:
        suite = self._suites[case.suite]
        if self._candidate is None or suite.multiplicity == "none":
            return self._evidence(case, record)
        return self._family(case)[case.id]

    def _family(self, case: Case) -> dict[str, Evidence]:
        """Evidence of every comparison of the candidate on one split, adjusted together.

        The whole split and not only what `-k` selected, so that a verdict does not depend on
        which other checks were run.
        """
        key = (case.suite, case.split.id)
        if key not in self._families:
            suite = self._suites[case.suite]
            found = {}
            for one in alignment_cases(suite, self._cards, candidate=self._candidate):
                if one.split.id != case.split.id:
                    continue
                record = self._measures.measured(one)
                if record.value is not None:
                    found[one.id] = self._evidence(one, record)
            self._families[key] = _adjusted(found)
        return self._families[key]

    def _evidence(self, case: Case, record: AlignmentRecord) -> Evidence:
        outcomes = (
            self._outcome(expectation, case, record)
            for expectation in self._suites[case.suite].expectation
            if concerns(expectation, case)
        )
        return Evidence(
            expectations=tuple(outcome for outcome in outcomes if outcome is not None),
            baseline=self._against_baseline(case, record),
        )

    def _outcome(
        self, expectation: Expectation, case: Case, record: AlignmentRecord
    ) -> ExpectationOutcome | None:
        """Outcome of an expectation; None where it has nothing to say about the pair."""
        if not expectation.above and not expectation.closer_than:
            assert record.low is not None
            assert record.high is not None
            outcome = judge.apply(expectation, low=record.low, high=record.high)
            if judge.comparable(expectation.measured, n=record.n):
                return outcome
            return msgspec.structs.replace(outcome, p_value=None, verdict="not-comparable")
        bound = expectation
        if expectation.at_least is None:
            bound = msgspec.structs.replace(expectation, at_least=0.0)
        found = [
            self._difference_outcome(bound, case, first=first, second=second, partner=partner)
            for first, second, partner in self._contrasts(expectation, case)
        ]
        # A pair must be above what the control gives with either of its models.
        return min(found, key=_margin, default=None)

    def _contrasts(self, expectation: Expectation, case: Case) -> list[tuple[str, str, str]]:
        """(first, second, partner): first must agree more with partner than second does."""
        if expectation.closer_than:
            assert expectation.between is not None, "the suite schema demands it"
            near, far = expectation.between[1], expectation.closer_than
            swapped = not (matches(case.a, expectation.between[0]) and matches(case.b, near))
            kept, close = (case.b, case.a) if swapped else (case.a, case.b)
            return [(close, far, kept)] if far not in {kept, close} else []
        assert expectation.above is not None
        sides = [(case.a, case.b)]
        if case.a != self._candidate:
            sides.append((case.b, case.a))
        found = [
            (model, self._control(expectation.above, model, case), kept) for model, kept in sides
        ]
        return [
            (model, control, kept)
            for model, control, kept in found
            if control is not None and control not in {model, kept}
        ]

    def _control(self, named: str, model: str, case: Case) -> str | None:
        if named != "untrained":
            return named
        family = self._cards[model].family
        controls = self._suites[case.suite].controls
        return next(
            (
                control
                for control in controls
                if self._cards[control].control == "untrained"
                and self._cards[control].family == family
            ),
            None,
        )

    def _difference_outcome(
        self, expectation: Expectation, case: Case, *, first: str, second: str, partner: str
    ) -> ExpectationOutcome:
        what = f"{case.metric.name} of {first} with {partner} minus that of {second}"
        blank = ExpectationOutcome(
            id=expectation.id,
            bound="at_least",
            limit=expectation.at_least or 0.0,
            source=expectation.source,
            tooltip=expectation.tooltip,
            quantity=what,
            verdict="skipped",
        )
        spec = spec_of(case.metric)
        try:
            difference = self._measures.difference(
                self._measures.embedding(first, case.split),
                self._measures.embedding(second, case.split),
                partner=self._measures.embedding(partner, case.split),
                spec=spec,
                tolerance=0.0,
            )
        except MatalignError as error:
            return msgspec.structs.replace(blank, quantity=f"{what}: {error}")
        sign = 1 if spec.direction == "higher" else -1
        low, high = sorted((sign * difference["low"], sign * difference["high"]))
        return msgspec.structs.replace(
            judge.apply(expectation, low=low, high=high),
            quantity=what,
            value=sign * difference["value"],
            low=low,
            high=high,
        )

    def _against_baseline(self, case: Case, record: AlignmentRecord) -> BaselineOutcome | None:
        if self._candidate is None:
            return None
        row = self._book.row((case.suite, case.split.id, case.b, case.metric.name))
        if row is None:
            return None
        tolerance = case.metric.tolerance
        tolerance = self._book.tolerance if tolerance is None else tolerance
        earlier = self._book.embedding(self._measures.split(case.split))
        if earlier is None:
            return regression.from_values(record, row, tolerance=tolerance)
        try:
            difference = self._measures.difference(
                self._measures.embedding(case.a, case.split),
                earlier,
                partner=self._measures.embedding(case.b, case.split),
                spec=spec_of(case.metric),
                tolerance=tolerance,
            )
        except MatalignError as error:
            return BaselineOutcome(
                verdict="not-comparable",
                value=row.value,
                tolerance=tolerance,
                reason=f"the embeddings of the baseline cannot be used: {error}".rstrip("."),
            )
        assert record.value is not None
        same_samples = difference["n"] == record.n
        return regression.from_difference(
            difference,
            value=record.value - difference["value"] if same_samples else row.value,
            tolerance=tolerance,
            higher_is_closer=record.higher_is_closer,
        )


def _adjusted(found: Mapping[str, Evidence]) -> dict[str, Evidence]:
    """Evidence after Benjamini-Hochberg: expectations and regressions each among themselves."""
    expected = {
        (case, place): outcome.p_value
        for case, evidence in found.items()
        for place, outcome in enumerate(evidence.expectations)
        if outcome.p_value is not None
    }
    compared = {
        case: evidence.baseline.p_value
        for case, evidence in found.items()
        if evidence.baseline is not None and evidence.baseline.p_value is not None
    }
    new_expected = benjamini_hochberg(expected)
    new_compared = benjamini_hochberg(compared)
    return {
        case: replace(
            evidence,
            expectations=tuple(
                judge.adjusted(outcome, new_expected[case, place])
                if (case, place) in new_expected
                else outcome
                for place, outcome in enumerate(evidence.expectations)
            ),
            baseline=regression.adjusted(evidence.baseline, new_compared[case])
            if evidence.baseline is not None and case in new_compared
            else evidence.baseline,
        )
        for case, evidence in found.items()
    }


def _margin(outcome: ExpectationOutcome) -> float:
    """How far a difference is above its bound; what could not be judged comes last."""
    return float("inf") if outcome.value is None else outcome.value - outcome.limit
