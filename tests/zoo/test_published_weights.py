"""Networks with the weights their authors published keep what their cards promise."""

from __future__ import annotations

from typing import Any

import pytest
from ase.build import molecule

from promises import TOLERANCE, change, check_promises, crystals, molecules, moved, supercell
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.domain import refusal
from pytest_matalign.zoo.energies import structure_of
from real_weights import load_real

BY_URL = [
    one.id
    for one in catalogue.cards().values()
    if one.state == "verified"
    and one.family in ("nequix", "mace", "cgcnn", "crystal-twins", "geom2vec")
]

MIXTURE = ("NaCl rocksalt 5.69", "Na bcc 4.2", "Cl fcc 5.0")


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


@pytest.mark.parametrize("model_id", ["nep-unep-v1", "nep-si-2022", "nep-c-2024"])
def test_a_potential_of_few_elements_knows_their_crystals(model_id: str) -> None:
    """Its rows do not grow with the cell; what holds another element its card refuses."""
    model, card = load_real(model_id), catalogue.card(model_id)
    known = [Sample(id=one.structure, atoms=structure_of(one.structure)) for one in card.energies]
    assert model.embed(known).shape == (len(known), card.width)
    assert change(model, known, [supercell(moved(one)) for one in known]) <= TOLERANCE
    assert refusal(card, crystals()[0]) is not None


def test_chemnet_reads_a_molecule_and_not_its_spelling() -> None:
    """Two SMILES of one molecule have one row; a string that is none is refused."""
    model = load_real("chemnet")
    spelt = [Sample(id=text, smiles=text) for text in ("CCO", "OCC", "c1ccccc1")]
    rows = check_promises(model, [spelt[0], spelt[2]], width=512)
    scale = abs(rows).max()
    assert abs(model.embed([spelt[1]]) - rows[0]).max() <= TOLERANCE * scale
    assert model.refuse(Sample(id="bad", smiles="C1CC")) is not None


def test_vectors_of_elements_are_averaged() -> None:
    """A salt lies half way between its elements."""
    model = load_real("mat2vec")
    rows = model.embed([Sample(id=name, atoms=structure_of(name)) for name in MIXTURE])
    assert rows[0] == pytest.approx((rows[1] + rows[2]) / 2, abs=1e-6)


def test_padding_adds_nothing_to_an_energy() -> None:
    """A supercell is padded to another size of graph, and has so many times the energy."""
    model = load_real("nequix-mp-1")
    salt = structure_of("NaCl rocksalt 5.69")
    whole = model.energy(salt.repeat((2, 2, 2)))
    assert whole == pytest.approx(8 * model.energy(salt), abs=1e-3)


def test_draws_of_an_untrained_network_differ() -> None:
    """Each seed is another network."""
    first, second = (load_real(f"nequix-untrained{end}") for end in ("", "-2"))
    assert change(first, crystals(), crystals()) == 0
    assert abs(first.embed(crystals()) - second.embed(crystals())).max() > 0.1


def test_cgcnn_refuses_atoms_with_too_few_neighbours() -> None:
    """Its graph has twelve edges an atom; upstream joins what is missing to the first atom."""
    model: Any = load_real("cgcnn-formation-energy")
    water = molecule("H2O", vacuum=9.0)
    water.pbc = True
    reason = model.refuse(Sample(id="water", atoms=water))
    assert reason == "has an atom with fewer than 12 neighbours within 8 Å"
