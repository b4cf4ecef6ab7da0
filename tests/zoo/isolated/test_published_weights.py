"""Networks with the weights their authors published keep what their cards promise."""

from __future__ import annotations

import pytest

from promises import TOLERANCE, change, check_promises, crystals, molecules, moved, supercell
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.domain import refusal
from real_weights import load_real

BY_URL = [
    one.id
    for one in catalogue.cards().values()
    if one.state == "verified"
    and one.family in ("nequix", "mace", "cgcnn", "crystal-twins", "geom2vec")
]


@pytest.mark.parametrize("model_id", [*BY_URL, "aimnet2-wb97m-d3-2023", "aimnet2-untrained"])
def test_a_published_network_keeps_its_promises(model_id: str) -> None:
    """Rows of the card's width, the same however a structure is written down."""
    model, card = load_real(model_id), catalogue.card(model_id)
    known = [one for one in (*molecules(), *crystals()) if refusal(card, one) is None]
    check_promises(model, known, width=card.width or 0)
    assert change(model, known, [moved(one) for one in known]) <= TOLERANCE
    periodic = [one for one in known if one.atoms is not None and one.atoms.pbc.all()]
    if periodic:
        assert change(model, periodic, [supercell(one) for one in periodic]) <= TOLERANCE
