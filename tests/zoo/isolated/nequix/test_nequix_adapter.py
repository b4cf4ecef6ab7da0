"""Nequix: padded graphs, and networks that were never trained."""

from __future__ import annotations

import pytest

from promises import change, crystals
from pytest_matalign.zoo.energies import structure_of
from real_weights import load_real


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
