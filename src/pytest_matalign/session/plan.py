"""What a run is made of, worked out from its settings; knows nothing of pytest.

pytest's session and `matalign gate` both are a plan plus their own way of going through it, which
is why they reach the same verdicts.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign import suites
from pytest_matalign.embeddings.candidate import resolve_candidate
from pytest_matalign.embeddings.references import References
from pytest_matalign.embeddings.store import Store
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.scorecard.build import build_scorecard
from pytest_matalign.session.evaluation import Evaluator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_matalign.embeddings.candidate import Candidate
    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.scorecard.build import RunClock
    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.session.evaluation import ProgressMaker
    from pytest_matalign.session.records import Ledger
    from pytest_matalign.session.settings import Settings
    from pytest_matalign.suites import Case, EmbeddingCase, Suite
    from pytest_matalign.zoo.card import ModelCard


class Plan:
    """Suites, models, cases and the engine of one run."""

    def __init__(self, settings: Settings, *, progress: ProgressMaker) -> None:
        self.settings = settings
        self._progress = progress

    @cached_property
    def candidate(self) -> Candidate | None:
        """The model under test, if one is configured."""
        host = self.settings.host
        return resolve_candidate(host, root=self.settings.root) if host.candidate else None

    @property
    def candidate_id(self) -> str | None:
        """Card id of the model under test."""
        return self.candidate.card.id if self.candidate else None

    @cached_property
    def cards(self) -> Mapping[str, ModelCard]:
        """Cards of the zoo and of the candidate."""
        from pytest_matalign.zoo.registry import cards

        own = {self.candidate.card.id: self.candidate.card} if self.candidate else {}
        return {**cards(), **own}

    @cached_property
    def folders(self) -> Mapping[str, Path]:
        """Folder of every suite of the run, by suite name."""
        named = self.settings.host.suites
        found = [suites.find_suite(name, base=self.settings.root) for name in named]
        folders = found or list(suites.bundled_suites().values())
        return {suites.load_suite(folder).name: folder for folder in folders}

    @cached_property
    def suites(self) -> Mapping[str, Suite]:
        """Suites of the run: those named, or every bundled one that can be served here."""
        loaded = {name: self._reduced(suites.load_suite(f)) for name, f in self.folders.items()}
        if self.settings.host.suites:
            return loaded
        served = {name: suite for name, suite in loaded.items() if self._served(suite)}
        if not served:
            raise ConfigurationError(
                "No bundled suite can be served by the models installed here: "
                "pip install 'pytest-matalign[zoo]', or name a suite with --matalign-suite."
            )
        return served

    @cached_property
    def packs(self) -> tuple[Pack, ...]:
        """Packs the host names, then the one that ships with the package."""
        from pytest_matalign.embeddings.pack import Pack, bundled_pack
        from pytest_matalign.embeddings.pack_hub import local_pack

        named = [local_pack(spec, root=self.settings.root) for spec in self.settings.host.packs]
        bundled = bundled_pack()
        return (*(Pack(folder) for folder in named), *([bundled] if bundled else []))

    @cached_property
    def references(self) -> References:
        """Where embeddings of zoo models come from."""
        policy = self.settings.references
        packs = () if policy == "installed" else self.packs
        return References(policy=policy, packs=packs, store=self.store)

    @cached_property
    def store(self) -> Store:
        """The embedding store."""
        return Store(self.settings.store)

    @cached_property
    def evaluator(self) -> Evaluator:
        """The engine; made on first use, by processes that run checks."""
        return Evaluator(
            suites=self.suites,
            cards=self.cards,
            store=self.store,
            references=self.references,
            samples=self.settings.samples,
            candidate=self.candidate,
            progress=self._progress,
        )

    def embedding_cases(self, suite: str) -> list[EmbeddingCase]:
        """Embeddings a suite needs."""
        return suites.embedding_cases(self.suites[suite], candidate=self.candidate_id)

    def alignment_cases(self, suite: str) -> list[Case]:
        """Alignments a suite asks for."""
        return suites.alignment_cases(self.suites[suite], self.cards, candidate=self.candidate_id)

    def scorecard_of(self, ledger: Ledger, clock: RunClock) -> Scorecard:
        """Everything gathered so far."""
        return build_scorecard(
            ledger=ledger,
            suites=self.suites,
            cards=self.cards,
            candidate=self.candidate_id,
            embedding_cases=[c for name in self.suites for c in self.embedding_cases(name)],
            alignment_cases=[c for name in self.suites for c in self.alignment_cases(name)],
            clock=clock,
        )

    def _reduced(self, suite: Suite) -> Suite:
        """A suite checked against the zoo, and cut to the models asked for."""
        for model in (*suite.models, *suite.controls, *suite.required):
            if model not in self.cards:
                from pytest_matalign.zoo.registry import card

                card(model)  # raises, naming the closest ids
        for split in suite.split:
            suites.card_of_split(split)
        patterns: Sequence[str] = self.settings.host.models or ("*",)
        wanted = [
            tuple(model for model in models if any(fnmatchcase(model, p) for p in patterns))
            for models in (suite.models, suite.controls)
        ]
        return msgspec.structs.replace(suite, models=wanted[0], controls=wanted[1])

    def _served(self, suite: Suite) -> bool:
        """Whether a suite nobody named is worth running: something to compare is at hand."""
        from pytest_matalign.zoo.registry import unavailable

        splits = [split.id for split in suite.split]
        present = [
            model
            for model in suite.models
            if not unavailable(self.cards[model]) or self.references.held(self.cards[model], splits)
        ]
        if self.candidate is None:
            return len(present) > 1
        offered = {form for split in suite.split for form in suites.card_of_split(split).inputs}
        return bool(present) and bool(offered & set(self.candidate.card.inputs))
