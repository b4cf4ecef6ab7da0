"""MACE, built small with random weights, saved and loaded as a published file is."""

from __future__ import annotations

import os
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
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.card import Weights
from pytest_matalign.zoo.quiet import import_quietly, quiet

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_matalign.zoo.card import ModelCard

need("mace", environment="mace")

ELEMENTS = [1, 6, 7, 8, 11, 12, 17]
CHANNELS = 16


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `.model` file with scalar and vector messages in its first layer."""
    import torch

    before = os.environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # e3nn 0.4 needs it to be imported
    modules = import_quietly("mace.modules")
    irreps = import_quietly("e3nn.o3").Irreps
    if before is None:
        del os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"]
    interaction = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
    torch.manual_seed(0)
    with quiet():
        network = modules.ScaleShiftMACE(
            r_max=5.0,
            num_bessel=8,
            num_polynomial_cutoff=5,
            max_ell=2,
            interaction_cls=interaction,
            interaction_cls_first=interaction,
            num_interactions=2,
            num_elements=len(ELEMENTS),
            hidden_irreps=irreps(f"{CHANNELS}x0e+{CHANNELS}x1o"),
            MLP_irreps=irreps("8x0e"),
            atomic_energies=np.zeros(len(ELEMENTS)),
            avg_num_neighbors=20.0,
            atomic_numbers=ELEMENTS,
            correlation=2,
            gate=torch.nn.functional.silu,
            atomic_inter_scale=1.0,
            atomic_inter_shift=0.0,
        )
        path = tmp_path_factory.mktemp("mace") / "small.model"
        torch.save(network, path)
    return path


def card(path: Path, **options: str | int) -> ModelCard:
    """A user's own card of a file on this machine."""
    base = catalogue.card("mace-mp-0-medium")
    return msgspec.structs.replace(
        base, id="my-mace", weights=Weights(path=str(path), pickled=True), options=options
    )


@pytest.fixture(scope="module")
def model(saved: Path) -> Any:
    return loading.load(card(saved), allow_pickle=True)


def test_the_scalars_of_both_layers_are_embedded(model: Any) -> None:
    """Molecules and crystals, with or without company."""
    check_promises(model, [*molecules(), *crystals()], width=2 * CHANNELS)


def test_scalars_do_not_see_where_a_structure_stands(model: Any) -> None:
    """Neither its orientation nor the order of its atoms."""
    samples = [*molecules(), *crystals()]
    assert change(model, samples, [moved(one) for one in samples]) <= TOLERANCE


def test_a_supercell_is_the_same_crystal(model: Any) -> None:
    """The mean over atoms does not grow."""
    assert change(model, crystals(), [supercell(one) for one in crystals()]) <= TOLERANCE


def test_the_equivariant_readout_has_the_scalars_among_its_components(
    model: Any, saved: Path
) -> None:
    """Vectors of the first layer stand between them; they turn with the structure."""
    whole = loading.load(card(saved, readout="equivariant"), allow_pickle=True)
    vectors = check_promises(whole, molecules(), width=(1 + 3 + 1) * CHANNELS)
    kept = np.concatenate([vectors[:, :CHANNELS], vectors[:, -CHANNELS:]], axis=1)
    np.testing.assert_array_equal(kept, model.embed(molecules()))
    assert change(whole, molecules(), [moved(one) for one in molecules()]) > 100 * TOLERANCE
    assert change(whole, molecules(), [moved(one, turn=False) for one in molecules()]) <= TOLERANCE


def test_it_agrees_with_the_packages_own_descriptors(model: Any, saved: Path) -> None:
    """`get_descriptors`, pooled."""
    import torch

    with quiet(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
        calculator = import_quietly("mace.calculators").MACECalculator(
            model_paths=saved, device="cpu", default_dtype="float32"
        )
        with torch.enable_grad():
            own = [calculator.get_descriptors(one.atoms).mean(0) for one in molecules()]
    np.testing.assert_allclose(model.embed(molecules()), np.array(own), rtol=1e-4, atol=1e-5)


def test_elements_it_never_saw_are_refused(model: Any) -> None:
    """The package would raise from deep inside."""
    assert model.refuse(Sample(id="Cu", atoms=Atoms("CuS"))) == (
        "contains Cu, S, which the model does not cover"
    )


def test_a_lone_atom_is_embedded(model: Any) -> None:
    """It has no neighbours, which is no error."""
    assert np.isfinite(model.embed([Sample(id="O", atoms=Atoms("O"))])).all()


def test_unknown_options_are_named(saved: Path) -> None:
    """Read-outs and heads."""
    with pytest.raises(ConfigurationError, match="`readout` is invariant or equivariant"):
        loading.load(card(saved, readout="spherical"), allow_pickle=True)
    with pytest.raises(ConfigurationError, match="`head` is one of Default"):
        loading.load(card(saved, head="omat"), allow_pickle=True)


def test_shuffled_weights_are_another_model(model: Any, saved: Path) -> None:
    """The untrained control."""
    other = loading.load(card(saved, shuffle_seed=1), allow_pickle=True)
    difference = np.abs(other.embed(molecules()) - model.embed(molecules())).max()
    assert difference > 0.01 * np.abs(model.embed(molecules())).max()


def test_loading_leaves_torchs_switch_as_it_was(saved: Path, monkeypatch: Any) -> None:
    """The package would allow pickles for the rest of the process."""
    monkeypatch.delenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", raising=False)
    loading.load(card(saved), allow_pickle=True)
    assert "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD" not in os.environ


def test_the_pickle_is_not_read_unless_the_user_allows_it(saved: Path) -> None:
    """Every published MACE is one."""
    with pytest.raises(UnavailableError, match="are a pickle"):
        loading.load(card(saved))


@pytest.mark.parametrize("readout", ["invariant", "equivariant"])
def test_rows_are_means_of_atoms_and_atoms_are_made_of_layers(saved: Path, readout: str) -> None:
    """Each layer's part of the row, in its place, and no more."""
    model: Any = loading.load(card(saved, readout=readout), allow_pickle=True)
    samples = molecules()
    atoms = model.embed_atoms(samples)
    layers = model.embed_layers(samples)
    assert list(layers) == ["interaction-1", "interaction-2", "all"]
    parts = zip(layers["interaction-1"], layers["interaction-2"], strict=True)
    for row, whole, part in zip(model.embed(samples), atoms, parts, strict=True):
        assert row == pytest.approx(whole.mean(axis=0), abs=1e-6)
        assert np.array_equal(np.hstack(part), whole)
