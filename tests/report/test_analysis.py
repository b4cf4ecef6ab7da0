"""What the slower figures of a report are made from."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_matalign import load_split
from pytest_matalign.report import analysis
from pytest_matalign.report.analysis import parse_newick
from pytest_matalign.report.embeddings import embeddings_of


def test_a_tree_comes_back_from_newick() -> None:
    """Leaves, lengths, supports and parents, parents before children."""
    nodes = parse_newick("(('a-1':0.1,'b (x)':0.2)98:0.3,'c':0.4,'d':0.5);")
    assert [(n["parent"], n["model"], n["length"], n["support"]) for n in nodes] == [
        (None, None, 0.0, None),
        (0, None, 0.3, 0.98),
        (1, "a-1", 0.1, None),
        (1, "b (x)", 0.2, None),
        (0, "c", 0.4, None),
        (0, "d", 0.5, None),
    ]


def test_large_splits_are_analysed_by_their_first_samples(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of samples taken is the number that is told."""
    splits = {"qm9": load_split("qm9", samples=60)}
    found = embeddings_of(made.scorecard, splits, door=made.door)
    monkeypatch.setattr(analysis, "SAMPLES", 45)
    notes: list[str] = []
    (tree,) = analysis.trees(made.scorecard, found, splits, notes.append)
    rows = analysis.performance(made.scorecard, found, splits, notes.append)
    assert (tree["n"], notes) == (45, [])
    assert rows
    assert all("45 samples." in row["words"] for row in rows)
