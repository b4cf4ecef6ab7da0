"""The object behind the hooks; it exists only in runs with `--matalign`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign import suites
from pytest_matalign.embeddings.candidate import resolve_candidate
from pytest_matalign.embeddings.store import Store
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.scorecard.build import RunClock, build_scorecard
from pytest_matalign.session.collection import PREFIX, modules_of, take_over_arguments
from pytest_matalign.session.evaluation import Evaluator
from pytest_matalign.session.progress import ExtractionProgress
from pytest_matalign.session.records import Ledger
from pytest_matalign.session.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pytest

    from pytest_matalign.embeddings.candidate import Candidate
    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.suites import Case, EmbeddingCase, Suite
    from pytest_matalign.zoo.card import ModelCard


class MatalignSession:
    """One run: what was asked for, how to evaluate a case, and every record so far."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.settings = settings_of(config)
        self.ledger = Ledger()
        self.node_ids = take_over_arguments(config)
        self._clock = RunClock(command=" ".join(config.invocation_params.args))

    @cached_property
    def candidate(self) -> Candidate | None:
        """The model under test, if one is configured."""
        host = self.settings.host
        return resolve_candidate(host, root=self.settings.root) if host.candidate else None

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
    def evaluator(self) -> Evaluator:
        """The engine; made on first use, by processes that run checks."""
        return Evaluator(
            suites=self.suites,
            cards=self.cards,
            store=Store(self.settings.store),
            samples=self.settings.samples,
            candidate=self.candidate,
            progress=lambda *, model, split: ExtractionProgress(
                self._config, model=model, split=split
            ),
        )

    def embedding_cases(self, suite: str) -> list[EmbeddingCase]:
        """Embeddings a suite needs."""
        return suites.embedding_cases(self.suites[suite], candidate=self._candidate_id)

    def alignment_cases(self, suite: str) -> list[Case]:
        """Alignments a suite asks for."""
        return suites.alignment_cases(self.suites[suite], self.cards, candidate=self._candidate_id)

    def modules(self) -> dict[str, list[Path]]:
        """Test modules by suite."""
        return {name: modules_of(self.folders[name]) for name in self.suites}

    def groups(self) -> dict[str, str]:
        """Which checks a worker takes together, by suite and parametrization id."""
        by_model = {
            f"{name}[{case.id}]": f"embeddings of {case.model}"
            for name in self.suites
            for case in self.embedding_cases(name)
        }
        by_split = {
            f"{name}[{case.id}]": f"{name} on {case.split.id}"
            for name in self.suites
            for case in self.alignment_cases(name)
        }
        return by_model | by_split

    def announce(self, items: Iterable[pytest.Item]) -> None:
        """Note which embeddings are checked by name, so that their failures are told once."""
        cases = (getattr(item, "callspec", None) for item in items)
        found = [spec.params.get("embedding_case") for spec in cases if spec is not None]
        self.evaluator.told = frozenset((c.model, c.split.id) for c in found if c is not None)

    def scorecard(self) -> Scorecard:
        """Everything gathered so far."""
        return build_scorecard(
            ledger=self.ledger,
            suites=self.suites,
            cards=self.cards,
            candidate=self._candidate_id,
            embedding_cases=[c for name in self.suites for c in self.embedding_cases(name)],
            alignment_cases=[c for name in self.suites for c in self.alignment_cases(name)],
            clock=self._clock,
        )

    def header(self) -> list[str]:
        """Lines for pytest's header."""
        size = f"{self.settings.samples} samples a split" if self.settings.samples else "full size"
        lines = [f"matalign: suites {', '.join(self.suites)}; {size}"]
        if self.candidate:
            lines.append(f"matalign: candidate {self.candidate.card.id}")
        return lines

    @property
    def _candidate_id(self) -> str | None:
        return self.candidate.card.id if self.candidate else None

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
        from pytest_matalign.zoo.registry import unavailable

        present = [model for model in suite.models if not unavailable(self.cards[model])]
        if self.candidate is None:
            return len(present) > 1
        offered = {form for split in suite.split for form in suites.card_of_split(split).inputs}
        return bool(present) and bool(offered & set(self.candidate.card.inputs))


def scope_of(nodeid: str, groups: Mapping[str, str]) -> str | None:
    """Group of a node id such as `matalign/molecules::test_alignment[id]`, if it is ours."""
    module, _, test = nodeid.partition("::")
    if not module.startswith(PREFIX):
        return None
    return groups.get(f"{module.removeprefix(PREFIX)}{test[test.find('[') :]}")
