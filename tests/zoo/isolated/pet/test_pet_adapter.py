"""PET, built small with random weights, saved as a checkpoint of metatrain and loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc111

from promises import (
    TOLERANCE,
    change,
    check_promises,
    check_worker,
    crystals,
    from_hub,
    molecules,
    moved,
    need,
    supercell,
)
from pytest_matalign.environments import loading
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.card import Weights
from pytest_matalign.zoo.quiet import import_quietly, quiet

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_matalign.zoo.card import ModelCard

need("metatrain", environment="pet")

SMALL = {
    "cutoff": 4.0,
    "d_pet": 8,
    "d_node": 16,
    "d_head": 8,
    "d_feedforward": 16,
    "num_heads": 2,
    "num_attention_layers": 1,
    "num_gnn_layers": 2,
}


def save(path: Path, target: str, *, wrapped: bool = False) -> None:
    """A checkpoint of a fresh network for one target, or of one with uncertainties around it."""
    import torch

    torch.manual_seed(0)
    with quiet():
        pet = import_quietly("metatrain.pet").PET
        data = import_quietly("metatrain.utils.data")
        targets = import_quietly("metatrain.utils.data.target_info")
        hypers = import_quietly("metatrain.utils.architectures").get_default_hypers("pet")
        energy = targets.get_energy_target_info(target, {"quantity": "energy", "unit": "eV"})
        info = data.DatasetInfo(
            length_unit="Angstrom",
            atomic_types=[1, 6, 7, 8, 11, 12, 17, 29],
            targets={target: energy},
        )
        network = pet({**hypers["model"], **SMALL}, info)
        if wrapped:
            llpr = import_quietly("metatrain.llpr").LLPRUncertaintyModel
            around = llpr({"num_ensemble_members": {}}, info)
            around.set_wrapped_model(network)
            network = around
        torch.save(network.get_checkpoint(), path)


def local(path: Path) -> ModelCard:
    """A user's own card."""
    return msgspec.structs.replace(
        catalogue.card("pet-mad-1.0.2"), weights=Weights(path=str(path), pickled=True)
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pet") / "small.ckpt"
    save(path, "energy")
    return path


@pytest.fixture(scope="module")
def model(saved: Path) -> Any:
    return loading.load(local(saved), allow_pickle=True)


def test_last_layer_features_are_embedded(model: Any, saved: Path) -> None:
    """Of nodes and of edges, of every layer that is read out."""
    width = model.network.last_layer_feature_size
    assert width % (2 * SMALL["d_head"]) == 0
    check_promises(model, [*molecules(), *crystals()], width=width)
    check_worker(local(saved), model, crystals())


def test_shifting_and_reordering_changes_nothing(model: Any) -> None:
    """Turning does: the network sees Cartesian components."""
    samples = [*molecules(), *crystals()]
    assert change(model, samples, [moved(one, turn=False) for one in samples]) <= TOLERANCE
    assert change(model, samples, [moved(one) for one in samples]) > TOLERANCE


def test_a_supercell_is_the_same_crystal(model: Any) -> None:
    """The mean over atoms does not grow."""
    assert change(model, crystals(), [supercell(one) for one in crystals()]) <= TOLERANCE


def test_slabs_and_lone_atoms_are_embedded(model: Any) -> None:
    """PET knows periodicity in any directions."""
    slab = fcc111("Cu", (1, 1, 3), vacuum=8.0)
    odd = [Sample(id="slab", atoms=slab), Sample(id="O", atoms=Atoms("O"))]
    assert np.isfinite(model.embed(odd)).all()


def test_elements_it_never_saw_are_refused(model: Any) -> None:
    """The package would raise from deep inside."""
    assert model.refuse(Sample(id="S", atoms=Atoms("S2"))) == (
        "contains S, which the model does not cover"
    )


def test_a_network_for_something_else_is_refused(tmp_path: Path) -> None:
    """There is no energy whose read-out one could stand before."""
    save(tmp_path / "other.ckpt", "mtt::gap")
    with pytest.raises(ConfigurationError, match=r"other\.ckpt holds PET, not a PET for energies"):
        loading.load(local(tmp_path / "other.ckpt"), allow_pickle=True)


def test_a_network_with_uncertainties_around_it_is_the_same(model: Any, tmp_path: Path) -> None:
    """Some releases come that way."""
    save(tmp_path / "wrapped.ckpt", "energy", wrapped=True)
    other = loading.load(local(tmp_path / "wrapped.ckpt"), allow_pickle=True)
    np.testing.assert_array_equal(other.embed(molecules()), model.embed(molecules()))


def test_a_published_model_comes_from_the_hub(
    model: Any, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its commit."""
    card = catalogue.card("pet-mad-1.0.2")
    files = {"models/pet-mad-v1.0.2.ckpt": saved}
    found = loading.load(from_hub(card, files, tmp_path, monkeypatch), allow_pickle=True)
    np.testing.assert_array_equal(found.embed(molecules()), model.embed(molecules()))
