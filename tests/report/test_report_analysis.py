"""What the slower figures of a report are made from."""

from __future__ import annotations

from pytest_matalign.report.analysis import parse_newick


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
