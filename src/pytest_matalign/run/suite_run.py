"""One run over suites: what it is made of, worked out from its settings.

pytest's session and `matalign gate` both are such a run plus their own way of going through it,
which is why they reach the same verdicts.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.cache import key_of
from pytest_matalign.embeddings.candidate import resolve_candidate
from pytest_matalign.embeddings.obtain import Door
from pytest_matalign.embeddings.policy import Sources
from pytest_matalign.embeddings.store import Store
from pytest_matalign.errors import ConfigurationError, MatalignError
from pytest_matalign.run.demands import (
    candidate_unmeasured,
    first_release,
    left_open,
    nothing_judged,
    rows_lost,
)
from pytest_matalign.run.evaluator import Evaluator
from pytest_matalign.run.gates import judge_gates, with_host_gates
from pytest_matalign.run.policy import BASELINE, policy_of
from pytest_matalign.run.same import checked
from pytest_matalign.run.settings import check_places
from pytest_matalign.scorecard.build import build_scorecard
from pytest_matalign.suites.cases import alignment_cases, embedding_cases
from pytest_matalign.suites.contradictions import unmatched
from pytest_matalign.suites.load import bundled_suites, card_of_split, find_suite, load_suite
from pytest_matalign.verdicts.baseline import stale_rows
from pytest_matalign.verdicts.policy import policy_changes
from pytest_matalign.verdicts.records import StaleRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_matalign.embeddings.candidate import Candidate
    from pytest_matalign.embeddings.obtain import ProgressMaker
    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.run.ledger import Ledger, Record
    from pytest_matalign.run.settings import HostGate, Settings
    from pytest_matalign.scorecard.build import RunClock
    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.suites.cases import Case, EmbeddingCase
    from pytest_matalign.suites.schema import Suite
    from pytest_matalign.verdicts.earlier_release import BaselineBook
    from pytest_matalign.verdicts.records import AlignmentRecord, EmbeddingRecord, GateRecord
    from pytest_matalign.zoo.card import ModelCard


class SuiteRun:
    """Suites, models, cases and the engine of one run."""

    def __init__(
        self, settings: Settings, *, progress: ProgressMaker, cards: Iterable[ModelCard] = ()
    ) -> None:
        """Make a run.

        Args:
            settings: What was asked for.
            progress: Makes the progress of an embedding.
            cards: Of models that join the zoo for this run.

        Raises:
            ConfigurationError: If the zoo has one of their ids already.
        """
        self.settings = settings
        self._progress = progress
        self._zoo = patient(_joined(cards), settings.batch_seconds)

    @cached_property
    def candidate(self) -> Candidate | None:
        """The model under test, if one is configured."""
        wanted, run_id = self.settings.candidate, self.settings.run_id
        if wanted is None:
            return None
        return resolve_candidate(
            wanted,
            zoo=self._zoo,
            root=self.settings.root,
            run_id=run_id,
            # Rows of packs are the same on every machine; networks that happen to be there not.
            networks=self.settings.references != "packs",
            allow_pickle=self.settings.allow_pickle,
        )

    @property
    def candidate_id(self) -> str | None:
        """Card id of the model under test."""
        return self.candidate.card.id if self.candidate else None

    @cached_property
    def cards(self) -> Mapping[str, ModelCard]:
        """Cards of the zoo and of the candidate."""
        own = {self.candidate.card.id: self.candidate.card} if self.candidate else {}
        return {**self._zoo, **own}

    @cached_property
    def folders(self) -> Mapping[str, Path]:
        """Folder of every suite of the run, by suite name."""
        named = self.settings.suites
        found = [find_suite(name, base=self.settings.root) for name in named]
        folders = found or list(bundled_suites().values())
        by_name: dict[str, Path] = {}
        for folder in folders:
            name = load_suite(folder).name
            if by_name.setdefault(name, folder) != folder:
                raise ConfigurationError(
                    f"{by_name[name]} and {folder} both call themselves suite {name!r}; give one "
                    "another name."
                )
        return by_name

    @cached_property
    def suites(self) -> Mapping[str, Suite]:
        """Suites of the run: those named, or every bundled one that can be served here."""
        loaded = {name: self._reduced(load_suite(f)) for name, f in self.folders.items()}
        if self.settings.suites:
            return with_host_gates(loaded, self.settings.gates)
        served = {name: suite for name, suite in loaded.items() if self._served(suite)}
        if not served:
            raise ConfigurationError(
                "No bundled suite can be served by the models installed here: "
                "pip install 'pytest-matalign[zoo]', or name a suite with --matalign-suite."
            )
        return with_host_gates(served, self.settings.gates)

    @cached_property
    def packs(self) -> tuple[Pack, ...]:
        """Packs the host names, then the one that ships with the package."""
        from pytest_matalign.embeddings.pack_hub import packs_at_hand

        return packs_at_hand(self.settings.packs, root=self.settings.root)

    @cached_property
    def sources(self) -> Sources:
        """Where the embeddings of every model come from."""
        policy = self.settings.references
        packs = () if policy == "installed" else self.packs
        own = self.candidate.source if self.candidate else None
        return Sources(
            self.cards,
            policy=policy,
            packs=packs,
            own=own,
            allow_pickle=self.settings.allow_pickle,
        )

    @cached_property
    def door(self) -> Door:
        """Where every embedding of this process is obtained."""
        return Door(store=Store(self.settings.store), progress=self._progress)

    @cached_property
    def baseline(self) -> BaselineBook:
        """Alignments of the candidate's earlier release."""
        from pytest_matalign.verdicts.earlier_release import BaselineBook

        return BaselineBook(
            self.settings.baseline, tolerance=self.settings.tolerance, door=self.door
        )

    def policy_now(self) -> dict[str, str]:
        """What decides the verdicts, by the files as they are."""
        wanted = self.settings.candidate
        in_zoo = wanted is not None and wanted.spec in self._zoo
        return policy_of(self.settings, self.folders, in_zoo=in_zoo)

    @cached_property
    def policy(self) -> dict[str, str]:
        """What decides the verdicts, by the files as they were when the run began."""
        return self.policy_now()

    @cached_property
    def policy_changes(self) -> tuple[str, ...]:
        """How the policy differs from the baseline's, and the project's from the one that holds."""
        if self.candidate is None:
            return ()
        changes: list[str] = []
        if self.settings.projects is not None:
            own = SuiteRun(self.settings.projects, progress=self._progress)
            try:
                found = policy_changes(self.policy, own.policy)
                changes += (f"{one} in the project, which does not count" for one in found)
            except MatalignError as error:
                changes.append(f"the project's own, which does not count, is refused: {error}")
        baseline = self.baseline.baseline
        if baseline is None and self.settings.update is None:
            name = self.settings.baseline.name
            changes.append(f"there is no baseline {name}, as if nothing had been released yet")
        if baseline is not None:
            now = {name: text for name, text in self.policy.items() if name != BASELINE}
            changes += policy_changes(baseline.policy, now)
            if baseline.digest != baseline.content_digest:
                changes.append(f"{self.settings.baseline.name} was edited by hand")
        return tuple(changes)

    @cached_property
    def evaluator(self) -> Evaluator:
        """The engine; made on first use, by processes that run checks."""
        return Evaluator(
            suites=self.suites,
            cards=self.cards,
            door=self.door,
            sources=self.sources,
            samples=self.settings.samples,
            candidate=self.candidate,
            baseline=self.baseline,
            mode=self.settings.mode,
        )

    def check(self) -> None:
        """Find out everything that can be known to be wrong before anything runs.

        Raises:
            ConfigurationError: If a suite, card, gate, baseline or option is wrong.
        """
        check_places(self.settings)
        for suite in self.suites:
            self.alignment_cases(suite)
        offered = [m for f in self.folders.values() for m in _models_of(load_suite(f))]
        for pattern in self.settings.models:
            if not any(fnmatchcase(model, pattern) for model in offered):
                raise ConfigurationError(
                    f"The pattern {pattern!r} of --matalign-models, or of `models` in "
                    "[tool.matalign], matches no model of the suites."
                )
        if self.settings.update and self.candidate is None:
            raise ConfigurationError(
                "--matalign-update writes the baseline of a candidate, and there is none; name it "
                "with --matalign-candidate or in [tool.matalign]."
            )
        if self.candidate is not None:
            self.baseline.check()
            self._check_selections(self.candidate.card.id)
            _ = self.policy_changes  # read before a model's code could change a file
        if self.settings.references != "installed":
            for pack in self.packs:
                _ = pack.contents

    def _check_selections(self, candidate: str) -> None:
        for name, folder in self.folders.items():
            whole = with_host_gates({name: load_suite(folder)}, self._gates_of(name))[name]
            for problem in unmatched(whole, candidate=candidate):
                raise ConfigurationError(f"suite {name}: {problem}")

    def _gates_of(self, suite: str) -> tuple[HostGate, ...]:
        return tuple(one for one in self.settings.gates if one.suite in (None, suite))

    def embedding_cases(self, suite: str) -> list[EmbeddingCase]:
        """Embeddings a suite needs."""
        return embedding_cases(self.suites[suite], candidate=self.candidate_id)

    def alignment_cases(self, suite: str) -> list[Case]:
        """Alignments a suite asks for."""
        return alignment_cases(self.suites[suite], self.cards, candidate=self.candidate_id)

    def gates_of(self, ledger: Ledger) -> tuple[list[GateRecord], list[GateRecord]]:
        """Gates of the run: those judged, and those whose suites were not checked whole.

        A mean over the checks that `-k` happened to select would be another mean, so it is not
        taken.
        """
        judged: list[GateRecord] = []
        unjudged: list[GateRecord] = []
        for name, suite in self.suites.items():
            embeddings, alignments = self.records_of(name, ledger)
            found = judge_gates(
                suite,
                candidate=self.candidate_id,
                embeddings=embeddings,
                alignments=alignments,
            )
            asked = len(self.alignment_cases(name))
            if len(alignments) == asked and len(embeddings) == len(self.embedding_cases(name)):
                judged += found
            elif alignments:
                reason = f"{len(alignments)} of the suite's {asked} alignments were checked"
                unjudged += [
                    msgspec.structs.replace(
                        gate, verdict="skipped", reason=reason, value=None, low=None, high=None
                    )
                    for gate in found
                ]
        own = [*judged, *self.same]
        return [*own, *self._demanded(ledger, [*own, *unjudged])], unjudged

    @cached_property
    def same(self) -> list[GateRecord]:
        """Pairs of ways to run one model, each run and compared."""
        settings = self.settings
        return checked(
            settings.same,
            root=settings.root,
            run_id=settings.run_id,
            progress=self._progress,
            form=settings.candidate.input if settings.candidate else None,
            allow_pickle=settings.allow_pickle,
            strict=settings.strict,
        )

    def _demanded(self, ledger: Ledger, gates: Sequence[GateRecord]) -> list[GateRecord]:
        """Gates on the whole run that it does not pass."""
        found = [self.records_of(name, ledger) for name in self.suites]
        embeddings = [record for records, _ in found for record in records]
        alignments = [record for _, records in found for record in records]
        demands: list[GateRecord] = []
        if self.candidate_id is not None:
            demands += self._judged(self.candidate_id, embeddings, alignments)
        if self.settings.strict:
            known = self.candidate is not None and self.baseline.baseline is not None
            missing = next(self._not_made(found), "")
            every: Sequence[Record | GateRecord] = [*embeddings, *alignments, *gates]
            demands += left_open(every, with_baseline=known, missing=missing)
        return demands

    def _judged(
        self,
        candidate: str,
        embeddings: Sequence[EmbeddingRecord],
        alignments: Sequence[AlignmentRecord],
    ) -> list[GateRecord]:
        """Demands on a candidate that are not met, those that say most."""
        if unmeasured := candidate_unmeasured(candidate, embeddings, alignments):
            return unmeasured
        if self.settings.update:
            return []  # a person accepts what was measured, and the baseline is reviewed
        lost = rows_lost(
            candidate, alignments, known=lambda key: self.baseline.row(key) is not None
        )
        return [
            *lost,
            *(
                first_release(candidate, embeddings)
                or nothing_judged(candidate, embeddings, alignments)
            ),
        ]

    def records_of(
        self, suite: str, ledger: Ledger
    ) -> tuple[tuple[EmbeddingRecord, ...], tuple[AlignmentRecord, ...]]:
        """Records of one suite, in the order of its cases."""
        embeddings = ledger.embeddings(
            (c.suite, c.split.id, c.model) for c in self.embedding_cases(suite)
        )
        alignments = ledger.alignments(
            (c.suite, c.split.id, c.a, c.b, c.metric.name) for c in self.alignment_cases(suite)
        )
        return embeddings, alignments

    def stale(self) -> tuple[StaleRow, ...]:
        """Rows of the baseline that no check of the run's suites asks for."""
        baseline = self.baseline.baseline if self.candidate else None
        if baseline is None:
            return ()
        asked = {
            (name, case.split.id, case.b, case.metric.name)
            # Not as cut by --matalign-models: what is left out once is not stale.
            for name, folder in self.folders.items()
            for case in alignment_cases(load_suite(folder), self.cards, candidate=self.candidate_id)
        }
        rows = stale_rows(baseline, suites=self.suites, asked=asked)
        return tuple(
            StaleRow(
                suite=row.suite,
                split=row.split,
                reference=row.reference,
                metric=row.alignment.metric,
            )
            for row in rows
        )

    def scorecard_of(
        self, ledger: Ledger, clock: RunClock, *, gates: Sequence[GateRecord]
    ) -> Scorecard:
        """Everything gathered so far."""
        records = [self.records_of(name, ledger) for name in self.suites]
        found = build_scorecard(
            embeddings=[record for found, _ in records for record in found],
            alignments=[record for _, found in records for record in found],
            gates=gates,
            stale=self.stale(),
            suites=self.suites,
            cards=self.cards,
            candidate=self.candidate_id,
            clock=clock,
        )
        return msgspec.structs.replace(
            found,
            policy=self.policy,
            policy_digest=key_of(self.policy),
            policy_changes=(*self.policy_changes, *self._not_made(records)),
        )

    def _not_made(
        self, records: Iterable[tuple[Sequence[EmbeddingRecord], Sequence[AlignmentRecord]]]
    ) -> Iterator[str]:
        """Say how many checks of the candidate's run left no record, such as by `-k`."""
        made = sum(len(embeddings) + len(alignments) for embeddings, alignments in records)
        asked = sum(
            len(self.embedding_cases(s)) + len(self.alignment_cases(s)) for s in self.suites
        )
        if self.candidate is not None and made < asked:
            yield f"{asked - made} of {asked} checks were not made"

    def _reduced(self, suite: Suite) -> Suite:
        """A suite checked against the zoo, and cut to the models asked for."""
        projected = (name for split in suite.split for name in split.covariates)
        for model in (*suite.models, *suite.controls, *suite.required, *projected):
            if model not in self.cards:
                from pytest_matalign.zoo.catalogue import card

                card(model)  # raises, naming the closest ids
        for split in suite.split:
            card_of_split(split)
        patterns: Sequence[str] = self.settings.models or ("*",)
        wanted = [
            tuple(model for model in models if any(fnmatchcase(model, p) for p in patterns))
            for models in (suite.models, suite.controls)
        ]
        return msgspec.structs.replace(suite, models=wanted[0], controls=wanted[1])

    def _served(self, suite: Suite) -> bool:
        """Whether a suite nobody named is worth running: something to compare is at hand."""
        from pytest_matalign.environments.loading import unavailable

        splits = [split.id for split in suite.split]
        present = [
            model
            for model in suite.models
            if not unavailable(self.cards[model]) or self.sources.held(model, splits)
        ]
        if self.candidate is None:
            return len(present) > 1
        offered = {form for split in suite.split for form in card_of_split(split).inputs}
        return bool(present) and bool(offered & set(self.candidate.card.inputs))


def _models_of(suite: Suite) -> tuple[str, ...]:
    return (*suite.models, *suite.controls)


def patient(cards: Mapping[str, ModelCard], seconds: int | None) -> dict[str, ModelCard]:
    """Return the cards with another time limit, where one was given."""
    changed = {} if seconds is None else {"batch_seconds": seconds}
    return {name: msgspec.structs.replace(card, **changed) for name, card in cards.items()}


def _joined(own: Iterable[ModelCard]) -> dict[str, ModelCard]:
    from pytest_matalign.zoo.catalogue import cards

    found = dict(cards())
    for card in own:
        if card.id in found:
            raise ConfigurationError(
                f"The id {card.id!r} of a card from pytest_matalign_cards is taken; ids are unique."
            )
        found[card.id] = card
    return found
