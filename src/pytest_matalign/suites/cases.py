"""What a suite asks for: every embedding to obtain and every alignment to measure."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.suites.schema import matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_matalign.suites.schema import Expectation, PairClass, Suite, SuiteMetric, SuiteSplit
    from pytest_matalign.zoo.card import ModelCard


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One alignment to measure: two models, a split, a metric."""

    suite: str
    a: str
    b: str
    split: SuiteSplit
    metric: SuiteMetric
    pair_class: PairClass

    @property
    def id(self) -> str:
        """Readable, shell-safe and unique within the suite."""
        return f"{self.split.id}-{self.metric.name}-{self.a}--{self.b}"


class EmbeddingCase(msgspec.Struct, frozen=True, kw_only=True):
    """One embedding to obtain: a model on a split."""

    suite: str
    model: str
    split: SuiteSplit

    @property
    def id(self) -> str:
        """Readable, shell-safe and unique within the suite."""
        return f"{self.split.id}-{self.model}"


def concerns(expectation: Expectation, case: Case, *, candidate: str | None) -> bool:
    """Return whether an expectation speaks about a case."""
    if expectation.metric != case.metric.name:
        return False
    if expectation.splits is not None and case.split.id not in expectation.splits:
        return False
    if expectation.pairs is not None and expectation.pairs != case.pair_class:
        return False
    if expectation.between is None:
        return True
    left, right = expectation.between
    return any(
        matches(one, left, candidate=candidate) and matches(other, right, candidate=candidate)
        for one, other in ((case.a, case.b), (case.b, case.a))
    )


def pair_class(a: ModelCard, b: ModelCard) -> PairClass:
    """How two models are related, for the purpose of expectations."""
    if "control" in (a.role, b.role):
        return "control"
    if a.family == b.family:
        return "same-family"
    return "same-modality" if a.modality == b.modality else "cross-modality"


def pairs(
    suite: Suite, cards: Mapping[str, ModelCard], *, candidate: str | None
) -> Iterator[tuple[str, str]]:
    """Pairs to compare, in a stable order: every pretrained pair, then each with each control.

    With a candidate only the pairs that contain it are compared.
    """
    if candidate is not None:
        yield from (
            (candidate, other) for other in (*suite.models, *suite.controls) if other != candidate
        )
        return
    yield from combinations(suite.models, 2)
    for model in suite.models:
        yield from (
            (model, control)
            for control in suite.controls
            if _comparable(cards[model], cards[control])
        )


def alignment_cases(
    suite: Suite, cards: Mapping[str, ModelCard], *, candidate: str | None = None
) -> list[Case]:
    """Every alignment the suite asks for, split by split, in a stable order."""
    return [
        Case(
            suite=suite.name,
            a=a,
            b=b,
            split=split,
            metric=metric,
            pair_class=pair_class(cards[a], cards[b]),
        )
        for split in suite.split
        for a, b in pairs(suite, cards, candidate=candidate)
        for metric in suite.metric
    ]


def embedding_cases(suite: Suite, *, candidate: str | None = None) -> list[EmbeddingCase]:
    """Every embedding the suite needs, model by model so that each is loaded once."""
    models = dict.fromkeys((*([candidate] if candidate else []), *suite.models, *suite.controls))
    return [
        EmbeddingCase(suite=suite.name, model=model, split=split)
        for model in models
        for split in suite.split
    ]


def _comparable(model: ModelCard, control: ModelCard) -> bool:
    """An untrained network is a control for its own modality only."""
    return control.control != "untrained" or control.modality == model.modality
