"""MatGL potentials, built small with random weights, saved and loaded as published."""

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
    crystals,
    from_hub,
    molecules,
    moved,
    need,
    supercell,
)
from pytest_matalign.environments import loading
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.adapters import matgl
from pytest_matalign.zoo.card import Weights
from pytest_matalign.zoo.quiet import import_quietly, quiet
from real_weights import load_real

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_matalign.zoo.card import ModelCard

need("matgl", environment="matgl")

ELEMENTS = ("H", "C", "N", "O", "Na", "Mg", "Cl", "Cu")
UNITS = 16
SMALL = {
    "TensorNet": {"units": UNITS, "num_layers": 2},
    "M3GNet": {"units": UNITS, "dim_node_embedding": UNITS, "dim_edge_embedding": UNITS},
    "CHGNet": {
        "dim_atom_embedding": UNITS,
        "dim_bond_embedding": UNITS,
        "dim_angle_embedding": UNITS,
        "final_hidden_dims": [UNITS],
    },
}


@pytest.fixture(scope="module", params=SMALL)
def folder(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A potential, saved by the package."""
    import torch

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp(request.param)
    with quiet():
        network = getattr(import_quietly("matgl.models"), request.param)(
            element_types=ELEMENTS, is_intensive=False, **SMALL[request.param]
        )
        import_quietly("matgl.apps.pes").Potential(model=network).save(path)
    return path


def local(path: Path) -> ModelCard:
    """A user's own card."""
    base = catalogue.card("matgl-tensornet-matpes-pbe-2025.2")
    return msgspec.structs.replace(base, id="mine", weights=Weights(path=str(path)))


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return loading.load(local(folder))


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


def test_slabs_are_embedded(model: Any) -> None:
    """The open direction gets vacuum."""
    slab = fcc111("Cu", (1, 1, 3), vacuum=8.0)
    assert np.isfinite(model.embed([Sample(id="slab", atoms=slab)])).all()


def test_elements_it_never_saw_are_refused(model: Any) -> None:
    """The package would raise from deep inside."""
    assert model.refuse(Sample(id="S", atoms=Atoms("S2"))) == (
        "contains S, which the model does not cover"
    )


def test_it_agrees_with_the_packages_own_calculator(model: Any, folder: Path) -> None:
    """Energies of a molecule and a crystal, which pass through the embedded layer."""
    with quiet():
        potential = import_quietly("matgl").load_model(folder)
        calculator = import_quietly("matgl.ext.ase").PESCalculator(potential)
        for sample in (molecules()[0], crystals()[0]):
            atoms = sample.atoms.copy()
            atoms.calc = calculator
            mine = model.energy(sample.atoms)
            assert mine == pytest.approx(atoms.get_potential_energy(), rel=1e-4, abs=1e-5)


def test_a_published_model_comes_from_the_hub(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All three files of it, at its commit."""
    card = catalogue.card("matgl-tensornet-matpes-pbe-2025.2")
    files = {one.name: one for one in folder.iterdir()}
    found = loading.load(from_hub(card, files, tmp_path, monkeypatch))
    expected = loading.load(local(folder)).embed(molecules())
    np.testing.assert_array_equal(found.embed(molecules()), expected)


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    """With what it lacks."""
    (tmp_path / "state.pt").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"no saved MatGL model; it lacks model\.json"):
        loading.load(local(tmp_path))


REAL = ("m3gnet-mp-2021.2.8", "tensornet-matpes-pbe-2025.1", "megnet-mp-2018.6.1-eform")


@pytest.mark.parametrize("model_id", [*REAL, "megnet-mp-2019.4.1-bandgap"])
def test_published_weights_keep_their_promises(model_id: str) -> None:
    """Molecules, too, although crystals is what they know."""
    model = load_real(model_id)
    card = catalogue.card(model_id)
    assert sum(one.numel() for one in model.network.parameters()) == card.parameters
    check_promises(model, [*molecules(), *crystals()], width=card.width)
    assert change(model, crystals(), [supercell(moved(one)) for one in crystals()]) <= TOLERANCE


@pytest.mark.parametrize("model_id", ["m3gnet-ani-1x-subset", "so3net-ani-1x-subset"])
def test_potentials_of_molecules_keep_their_promises(model_id: str) -> None:
    model = load_real(model_id)
    check_promises(model, molecules(), width=catalogue.card(model_id).width)
    assert change(model, molecules(), [moved(one) for one in molecules()]) <= TOLERANCE


@pytest.mark.parametrize("model_id", REAL)
def test_a_folder_saved_before_3_is_refused_where_its_columns_stay(
    model_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MatGL reads it without a word and computes something else; the energy tells."""
    monkeypatch.setattr(matgl, "exchange_atoms", lambda network: network)
    with pytest.raises(UnavailableError, match=r"NaCl rocksalt 5\.69 where its card states"):
        load_real(model_id)


def test_modules_of_that_age_are_recognised_by_their_names(tmp_path: Path) -> None:
    """TensorNet's folders say it; of others the card must."""
    card = msgspec.structs.replace(catalogue.card("tensornet-matpes-pbe-2025.1"), options={})
    for module, old in (("matgl.models._tensornet_pyg", True), ("matgl.models._tensornet", False)):
        (tmp_path / "model.json").write_text(f'{{"@module": "{module}"}}', "utf-8")
        assert matgl.saved_before_3(card, tmp_path) is old
    assert matgl.saved_before_3(catalogue.card("m3gnet-mp-2021.2.8"), tmp_path)


def test_atoms_without_neighbours_are_refused(model: Any) -> None:
    """There is no edge to pass a message on."""
    assert "has no two atoms within" in model.refuse(Sample(id="H", atoms=Atoms("H")))
