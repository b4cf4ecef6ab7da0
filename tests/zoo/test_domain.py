"""Gates a sample passes before any model is loaded."""

from __future__ import annotations

import msgspec
import pytest
from ase.build import bulk, molecule

from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.domain import form, refusal

ORGANIC = msgspec.structs.replace(
    catalogue.card("chgnet-0.3.0"), elements=("H", "C", "N", "O"), max_length=10
)
CRYSTAL = Sample(id="NaCl", atoms=bulk("NaCl", "rocksalt", a=5.64))
WATER = Sample(id="water", atoms=molecule("H2O"), smiles="O", sequence="ACD")


@pytest.mark.parametrize(
    ("changes", "sample", "reason"),
    [
        ({}, WATER, None),
        ({}, CRYSTAL, "contains Cl, Na, which the model does not cover"),
        ({"elements": None}, CRYSTAL, None),
        ({"periodic": "refused", "elements": None}, CRYSTAL, "is periodic"),
        ({"periodic": "required"}, WATER, "is not periodic in three directions"),
        ({}, Sample(id="s", smiles="CCO"), "offers no atoms"),
        ({"inputs": ("atoms", "backbone")}, Sample(id="s"), "offers no atoms or backbone"),
        ({"inputs": ("smiles",)}, Sample(id="s", smiles="CCO"), None),
        ({"inputs": ("smiles",)}, Sample(id="s", smiles="C(("), "has a SMILES that RDKit cannot"),
        ({"inputs": ("smiles",)}, Sample(id="s", smiles="CCCl"), "contains Cl, which"),
        ({"inputs": ("smiles",)}, Sample(id="s", smiles="C" * 11), "has 11 characters"),
        (
            {"inputs": ("sequence",)},
            Sample(id="s", sequence="A" * 11),
            "has 11 residues, the model",
        ),
        ({"inputs": ("sequence",)}, Sample(id="s", sequence=""), "has no residues"),
    ],
)
def test_refusals(changes: dict[str, object], sample: Sample, reason: str | None) -> None:
    """Each gate speaks in a few words; what passes all of them is None."""
    found = refusal(msgspec.structs.replace(ORGANIC, **changes), sample)
    assert found == reason if reason is None else (found or "").startswith(reason)


def test_hydrogens_of_a_smiles_count_as_elements() -> None:
    """They are not written, but they are there."""
    card = msgspec.structs.replace(ORGANIC, inputs=("smiles",), elements=("C", "O"))
    assert refusal(card, Sample(id="s", smiles="CO")) == (
        "contains H, which the model does not cover"
    )


def test_the_first_input_on_offer_is_taken() -> None:
    """The card's order is the adapter's preference."""
    card = msgspec.structs.replace(ORGANIC, inputs=("backbone", "sequence", "smiles"))
    assert form(card, WATER) == "sequence"
