"""A suite of made-up models on a few molecules, measured for real and in a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from pytest_matalign.embeddings.obtain import Door
from pytest_matalign.embeddings.policy import Sources
from pytest_matalign.embeddings.store import Store
from pytest_matalign.run.first_release import FirstRelease
from pytest_matalign.run.grounds import Grounds
from pytest_matalign.run.judging import Judging
from pytest_matalign.run.measuring import Measurer
from pytest_matalign.run.release import Release
from pytest_matalign.suites.cases import Case, alignment_cases
from pytest_matalign.suites.schema import Suite, SuiteMetric, SuiteSplit
from pytest_matalign.testing.mocks import mock_card
from pytest_matalign.verdicts.earlier_release import BaselineBook

CARDS = {
    card.id: card
    for card in (
        mock_card("good", seed=0),
        mock_card("good", seed=1),
        mock_card("different"),
        mock_card("failing"),
        mock_card("good", inputs=("sequence",), model_id="blind"),
    )
}
ALIKE = ("mock-good-0", "mock-good-1")
SAMPLES = 40
SUITE = Suite(
    name="small",
    title="Made-up models",
    version=1,
    models=(*ALIKE, "mock-different-0"),
    split=(SuiteSplit(id="qm9", samples=SAMPLES),),
    metric=(SuiteMetric(name="cknna", k=5),),
)


class Quiet:
    """Progress nobody sees."""

    def __init__(self, *, model: str, split: str) -> None:
        """Take the place of a line."""

    def __call__(self, *, done: int, total: int) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Have nothing to clear."""


class SmallRun:
    """One process of a run."""

    def __init__(self, folder: Path, *, candidate: str | None = None, **changed: Any) -> None:
        self.suite = msgspec.structs.replace(SUITE, **changed)
        suites = {self.suite.name: self.suite}
        self.candidate = candidate
        self.book_path = folder / "baseline.json"
        door = Door(store=Store(folder / "store"), progress=Quiet)
        sources = Sources(CARDS, policy="installed")
        self.measurer = Measurer(
            suites=suites,
            cards=CARDS,
            door=door,
            sources=sources,
            samples=None,
            candidate=candidate,
        )
        book = BaselineBook(self.book_path, tolerance=0.02, door=door)
        self.grounds = Grounds(self.measurer, suites=suites, cards=CARDS, sources=sources)
        first = FirstRelease(self.grounds, own=dict)
        release = Release(self.grounds, book=book, mode="retrained", seeds=(), first=first)
        self.judging = Judging(
            self.measurer, suites=suites, cards=CARDS, book=book, release=release
        )

    @property
    def ids(self) -> tuple[str, ...]:
        """Samples of the split."""
        return self.measurer.split(self.suite.split[0]).ids

    def case(self, a: str, b: str) -> Case:
        """The alignment of two models."""
        every = alignment_cases(self.suite, CARDS, candidate=self.candidate)
        return next(case for case in every if (case.a, case.b) == (a, b))
