"""Maps as a page holds them: every dot belongs to its own sample, however many there are."""

from __future__ import annotations

from base64 import b64decode

import numpy as np
import pytest

from pytest_matalign.embeddings.embedding import Embedding
from pytest_matalign.report.budget import Budget
from pytest_matalign.report.maps import maps_of, packed
from pytest_matalign.splits.catalogue import split_card
from pytest_matalign.splits.sample import Sample
from pytest_matalign.splits.split import Split

MANY = 70_000


def unpacked(text: str) -> np.ndarray:
    return np.frombuffer(b64decode(text[1:]), dtype=f"<u{text[0]}")


@pytest.mark.parametrize(("largest", "width"), [(0, "2"), (65_535, "2"), (65_536, "4")])
def test_numbers_take_as_many_bytes_as_they_need(largest: int, width: str) -> None:
    """Two up to 65,535, four from there on; what is packed comes back."""
    text = packed([0, largest])
    assert text[0] == width
    assert unpacked(text).tolist() == [0, largest]


def test_rows_beyond_sixteen_bits_are_their_own_samples() -> None:
    """A split of 70,000 samples, of which a model refused the first hundred."""
    split = Split(
        card=split_card("qm9"),
        samples=tuple(Sample(id=f"s{i}", smiles="C") for i in range(MANY)),
    )
    angle = np.linspace(0, 2, MANY - 100, dtype=np.float32)
    embedding = Embedding(
        model="m",
        split="qm9",
        ids=split.ids[100:],
        vectors=np.column_stack([np.cos(angle), np.sin(angle)]),
    )
    (one,) = maps_of(split, {("qm9", "m"): embedding}, Budget())
    rows = unpacked(one["rows"])
    assert rows.tolist() == list(range(100, MANY))
    assert len(unpacked(one["points"])) == 2 * len(rows)
    assert one["near"] is None


def test_the_budget_of_points_is_kept_and_told() -> None:
    """A second model that does not fit any more is left out with a sentence."""
    split = Split(
        card=split_card("qm9"), samples=tuple(Sample(id=f"s{i}", smiles="C") for i in range(30))
    )
    vectors = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
    found = {
        ("qm9", model): Embedding(model=model, split="qm9", ids=split.ids, vectors=vectors)
        for model in ("a", "b")
    }
    budget = Budget(points=40)
    assert [one["model"] for one in maps_of(split, found, budget)] == ["a"]
    assert "Some models have no map" in " ".join(budget.notes)
