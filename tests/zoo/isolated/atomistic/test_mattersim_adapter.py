"""MatterSim, built small with random weights, saved and loaded as published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from ase import Atoms

from promises import (
    TOLERANCE,
    change,
    check_promises,
    crystals,
    molecules,
    moved,
    need,
    supercell,
)
from pytest_matalign.environments import loading
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.card import Weights
from pytest_matalign.zoo.quiet import import_quietly, quiet

if TYPE_CHECKING:
    from pathlib import Path

need("mattersim", environment="atomistic")

UNITS = 16


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with the keys of a published one."""
    import torch

    torch.manual_seed(0)
    with quiet():
        network = import_quietly("mattersim.forcefield.m3gnet.m3gnet").M3Gnet(
            num_blocks=2, units=UNITS, max_l=2, max_n=2, cutoff=5.0, device="cpu"
        )
    path = tmp_path_factory.mktemp("mattersim") / "small.pth"
    torch.save(
        {
            "model_name": "m3gnet",
            "model_args": network.get_model_args(),
            "model": network.state_dict(),
        },
        path,
    )
    return path


@pytest.fixture(scope="module")
def model(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    card = catalogue.card("mattersim-v1-1m")
    with pytest.MonkeyPatch.context() as patch:
        # The package makes a folder for downloads in the user's home.
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        return loading.load(msgspec.structs.replace(card, weights=Weights(path=str(saved))))


def test_atom_features_are_embedded(model: Any) -> None:
    """Molecules and crystals, with or without company."""
    check_promises(model, [*molecules(), *crystals()], width=UNITS)


def test_features_do_not_see_where_a_structure_stands(model: Any) -> None:
    """Neither its orientation nor the order of its atoms."""
    samples = [*molecules(), *crystals()]
    assert change(model, samples, [moved(one) for one in samples]) <= TOLERANCE


def test_a_supercell_is_the_same_crystal(model: Any) -> None:
    """The mean over atoms does not grow."""
    assert change(model, crystals(), [supercell(one) for one in crystals()]) <= TOLERANCE


def test_a_lone_atom_is_embedded(model: Any) -> None:
    """It has no neighbours, which is no error."""
    assert np.isfinite(model.embed([Sample(id="O", atoms=Atoms("O"))])).all()


def test_the_weights_of_the_file_are_those_loaded(model: Any, saved: Path) -> None:
    """The package would pass over names it does not know."""
    import torch

    state = torch.load(saved, weights_only=True)["model"]
    loaded = model.network.state_dict()
    assert state.keys() == loaded.keys()
    assert all(torch.equal(state[name], loaded[name]) for name in state)


def test_no_hook_stays_behind(model: Any) -> None:
    """The network is as it was."""
    model.embed(molecules())
    assert not model.network.final._forward_pre_hooks
