"""A potential that does not give the energies on its card is not loaded."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from pytest_matalign.environments import loading
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.energies import check_energies, structure_of
from real_weights import load_real

PRETRAINED = [one for one in catalogue.cards().values() if one.role == "pretrained"]


def test_every_potential_whose_weights_were_seen_has_an_energy() -> None:
    """And no network with meaningless weights has one."""
    seen = [one for one in PRETRAINED if one.level_of_theory and one.state == "verified"]
    assert len(seen) >= 12
    assert [one.id for one in seen if not one.energies] == []
    controls = [one for one in catalogue.cards().values() if one.role == "control"]
    assert [one.id for one in controls if one.energies] == []


@pytest.mark.slow
def test_a_network_with_other_weights_is_refused() -> None:
    """In one sentence with the structure, both numbers, and where the right one is from."""
    card = catalogue.card("chgnet-0.3.0")
    model = load_real(card.id)
    shuffle_if_asked(model.network, msgspec.structs.replace(card, options={"shuffle_seed": 1}))
    with pytest.raises(
        UnavailableError, match=r"NaCl rocksalt 5\.69 where its card states -3\.6680"
    ):
        check_energies(card, model)


class _NoNumber:
    """A network that overflows."""

    batch_size = 1

    def refuse(self, sample: Any) -> None: ...

    def embed(self, samples: Any) -> Any: ...

    def energy(self, atoms: Any) -> float:
        return float("nan") * len(atoms)


def test_not_a_number_is_not_within_a_tolerance() -> None:
    with pytest.raises(UnavailableError, match="gives nan eV/atom"):
        check_energies(catalogue.card("chgnet-0.3.0"), _NoNumber())


def test_a_card_with_energies_needs_an_adapter_that_computes_them() -> None:
    card = msgspec.structs.replace(
        catalogue.card("composition"), energies=catalogue.card("ani-1x").energies
    )
    with pytest.raises(ConfigurationError, match=re.escape("has no `energy(atoms)`")):
        loading.load(card)


@pytest.mark.parametrize(("name", "formula"), [("NaCl rocksalt 5.69", "ClNa"), ("H2O", "H2O")])
def test_structures_are_named_as_ase_builds_them(name: str, formula: str) -> None:
    assert structure_of(name).get_chemical_formula() == formula


@pytest.mark.parametrize("name", ["", "Xx", "NaCl rocksalt", "NaCl salt 5.6", "NaCl rocksalt wide"])
def test_a_structure_nobody_knows_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match="neither a molecule of ASE"):
        structure_of(name)
