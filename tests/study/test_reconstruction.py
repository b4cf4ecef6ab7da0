"""Reconstruction errors by kind of pair: what was planted to follow linearly does."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.metrics.reconstruction import reconstruction_error
from pytest_matalign.study.claims.reconstruction import kinds_of_pairs, reconstruction_errors
from pytest_matalign.study.context import SplitData


def fact(name: str, family: str, corpus: str) -> ModelFacts:
    return ModelFacts(id=name, family=family, corpus=corpus, modality="3d", kind="invariant")


FACTS = {
    one.id: one
    for one in (
        fact("a1", "a", "p"),
        fact("a2", "a", "p + q"),
        fact("a3", "a", "r"),
        fact("b1", "b", "p"),
    )
}


PAIRS = list(permutations(FACTS, 2))


@pytest.fixture
def data() -> SplitData:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 12))
    views = {
        "a1": z @ rng.normal(size=(12, 20)),
        "a2": z[:, :6] @ rng.normal(size=(6, 20)),
        "a3": z @ rng.normal(size=(12, 20)) + rng.normal(size=(200, 20)),
        "b1": rng.normal(size=(200, 20)),
    }
    return SplitData(
        split="s",
        samples=(None,) * 200,
        embeddings=views,
        facts=FACTS,
        left_out={},  # type: ignore[arg-type]
    )


def test_pairs_are_told_apart_by_family_and_training_sets() -> None:
    """A set in common makes variants, whatever else one of them has seen."""
    found = kinds_of_pairs(list(FACTS), FACTS)
    variants, corpora, families = found.values()
    assert variants == [[("a1", "a2"), ("a2", "a1")]]
    assert [sorted(cell) for cell in corpora] == [
        [("a1", "a3"), ("a3", "a1")],
        [("a2", "a3"), ("a3", "a2")],
    ]
    assert [len(cell) for cell in families] == [6]


def test_what_contains_is_told_from_what_is_contained(data: SplitData) -> None:
    """Six of twelve numbers follow from all twelve, and not the other way round.

    Not to 0: rows are scaled to unit length, which is not linear.
    """
    errors = reconstruction_errors(data, PAIRS, local=False)
    there, back = (errors.mean([[pair]]) for pair in (("a1", "a2"), ("a2", "a1")))
    assert there.high < 0.4
    assert back.low > 0.6
    assert errors.gap([[("a2", "a1")]], [[("a1", "a2")]]).above_zero
    assert errors.mean([[("b1", "a1")]]).value > 0.95


def test_means_are_those_of_the_metric(data: SplitData) -> None:
    """With the interval of the samples around them."""
    errors = reconstruction_errors(data, PAIRS, local=False)
    there, back = reconstruction_error(data.embeddings["a1"], data.embeddings["a3"])
    found = errors.mean([[("a1", "a3")]])
    assert found.value == pytest.approx(there)
    assert found.low < there < found.high
    assert errors.mean([[("a3", "a1")]]).value == pytest.approx(back)
