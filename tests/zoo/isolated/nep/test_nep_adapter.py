"""NEP: potentials of few elements."""

from __future__ import annotations

import pytest

from promises import TOLERANCE, change, crystals, moved, supercell
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.domain import refusal
from pytest_matalign.zoo.energies import structure_of
from real_weights import load_real


@pytest.mark.parametrize("model_id", ["nep-unep-v1", "nep-si-2022", "nep-c-2024"])
def test_a_potential_of_few_elements_knows_their_crystals(model_id: str) -> None:
    """Its rows do not grow with the cell; what holds another element its card refuses."""
    model, card = load_real(model_id), catalogue.card(model_id)
    known = [Sample(id=one.structure, atoms=structure_of(one.structure)) for one in card.energies]
    assert model.embed(known).shape == (len(known), card.width)
    assert change(model, known, [supercell(moved(one)) for one in known]) <= TOLERANCE
    assert refusal(card, crystals()[0]) is not None
