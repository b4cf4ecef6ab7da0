"""CGCNN's graph of twelve neighbours."""

from __future__ import annotations

from typing import Any

from ase.build import molecule

from pytest_matalign.splits.sample import Sample
from real_weights import load_real


def test_cgcnn_refuses_atoms_with_too_few_neighbours() -> None:
    """Its graph has twelve edges an atom; upstream joins what is missing to the first atom."""
    model: Any = load_real("cgcnn-formation-energy")
    water = molecule("H2O", vacuum=9.0)
    water.pbc = True
    reason = model.refuse(Sample(id="water", atoms=water))
    assert reason == "has an atom with fewer than 12 neighbours within 8 Å"
