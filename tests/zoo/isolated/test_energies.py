"""Potentials with their published weights give the energies on their cards."""

from __future__ import annotations

import pytest

from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.energies import energy_of
from real_weights import load_real

POTENTIALS = [one.id for one in catalogue.cards().values() if one.energies]


@pytest.mark.slow
@pytest.mark.parametrize("model_id", POTENTIALS)
def test_a_potential_gives_the_energies_of_its_card(model_id: str) -> None:
    """Loading has compared them already; here they are seen."""
    model, card = load_real(model_id), catalogue.card(model_id)
    for reference in card.energies:
        found = energy_of(model, reference, card=card)
        assert found == pytest.approx(reference.value, abs=reference.tolerance)
