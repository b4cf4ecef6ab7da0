"""Each family's own traps, and evidence that what is embedded is the trained network."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from pytest_matalign.environments import loading
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue, domain

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_matalign.zoo.card import ModelCard

pytestmark = [pytest.mark.zoo, pytest.mark.slow]
WATER = Sample(id="water", atoms=molecule("H2O"))


@lru_cache(maxsize=2)
def _load(model_id: str) -> Any:
    return loading.load(catalogue.card(model_id))


def load(model_id: str) -> Any:
    """A model of the zoo, or a skip that says what to install."""
    if reason := loading.unavailable(catalogue.card(model_id)):
        pytest.skip(reason)
    return _load(model_id)


@pytest.mark.parametrize("model_id", ["chgnet-0.3.0", "chgnet-0.2.0", "diep-fold1", "so3lr"])
def test_the_loaded_network_has_the_parameters_of_the_card(model_id: str) -> None:
    """No layer is missing, none is left over."""
    count = sum(one.numel() for one in load(model_id).network.parameters())
    assert count == catalogue.card(model_id).parameters


@pytest.mark.parametrize(
    "model_id", ["chgnet-untrained", "sevennet-0-untrained", "rxnmapper-untrained"]
)
def test_an_untrained_control_embeds_otherwise_than_its_model(
    model_id: str, covered: Callable[[ModelCard], list[Sample]]
) -> None:
    """The samples are arranged in another way: relative distances correlate weakly."""
    card = catalogue.card(model_id)
    samples = covered(card)
    shuffled = load(model_id).embed(samples)
    trained = load(card.derived_from or "").embed(samples)
    assert np.abs(shuffled - trained).max() > 0.1 * np.abs(trained).max()


def test_chgnet_energies_are_those_of_a_trained_model() -> None:
    """Copper is bound by 4.1 eV an atom (PBE)."""
    model = load("chgnet-0.3.0")
    graph = model.network.graph_converter(_pymatgen(bulk("Cu")))
    with torch.no_grad():
        energy = model.network([graph], task="e")["e"].item()
    assert energy == pytest.approx(-4.1, abs=0.05)


def _pymatgen(atoms: Atoms) -> Any:
    from pymatgen.io.ase import AseAtomsAdaptor

    return AseAtomsAdaptor.get_structure(atoms)


@pytest.mark.parametrize(("model_id", "cutoff"), [("chgnet-0.3.0", 6), ("chgnet-0.2.0", 5)])
def test_chgnet_refuses_isolated_atoms(model_id: str, cutoff: int) -> None:
    """The package would raise; a lone atom in a box has only far images."""
    model = load(model_id)
    alone = Sample(id="Ar", atoms=Atoms("Ar"))
    assert model.refuse(alone) == f"has 1 atoms without a neighbour within {cutoff} Å"
    assert model.refuse(WATER) is None


def test_chgnet_does_not_let_a_batch_change_a_structure_without_angles() -> None:
    """The package's own batches do: the bonds of potassium are too long for it to have angles."""
    model = load("chgnet-0.2.0")
    samples = [Sample(id=name, atoms=bulk(name)) for name in ("K", "Cu")]
    alone = model.embed(samples[:1])
    np.testing.assert_array_equal(model.embed(samples)[:1], alone)
    graphs = [model.network.graph_converter(_pymatgen(one.atoms)) for one in samples]
    with torch.no_grad():
        batched = model.network(graphs, task="e", return_crystal_feas=True)["crystal_fea"]
    assert np.abs(batched[0].numpy() - alone[0]).max() > 1e-3 * np.abs(alone).max()


def test_sevennet_tasks_differ_and_unknown_ones_are_named() -> None:
    """One network, two channels."""
    copper = [Sample(id="Cu", atoms=bulk("Cu"))]
    pbe = load("sevennet-mf-0-pbe").embed(copper)
    scan = load("sevennet-mf-0-r2scan").embed(copper)
    assert np.abs(pbe - scan).max() > 1e-3 * np.abs(pbe).max()
    card = catalogue.card("sevennet-mf-0-pbe")
    wrong = msgspec.structs.replace(card, options={**card.options, "modal": "HSE"})
    with pytest.raises(ConfigurationError, match=r"option `modal` is one of R2SCAN, PBE"):
        loading.load(wrong)


def test_sevennet_leaves_e3nns_settings_as_they_were() -> None:
    """They are global, and another model in the process may want them."""
    load("sevennet-0")
    import e3nn

    assert e3nn.get_optimization_defaults()["jit_script_fx"]


def test_ani_features_lead_to_its_energy() -> None:
    """The output nodes applied to the embedding's features give the package's energy of water."""
    model = load("ani-1x")
    hidden = torch.tensor(model.embed([Sample(id="O", atoms=Atoms("O"))])).reshape(8, 96)
    ensemble = model.network.neural_networks
    output = [member["O"][-1](row).item() for member, row in zip(ensemble, hidden, strict=True)]
    numbers, positions = torch.tensor([[8]]), torch.zeros((1, 1, 3))
    shift = model.network.sae_dict["O"]
    energy = model.network((numbers, positions)).energies.item()
    assert np.mean(output) + shift == pytest.approx(energy, abs=1e-4)


def test_ani_and_so3lr_are_gated_by_element() -> None:
    """ANI leaves other elements out without a word; SO3LR takes any."""
    salt = Sample(id="NaCl", atoms=molecule("NaCl"))
    assert domain.refusal(catalogue.card("ani-1x"), salt) == (
        "contains Cl, Na, which the model does not cover"
    )
    assert domain.refusal(catalogue.card("so3lr"), salt) == (
        "contains Na, which the model does not cover"
    )
    copper = Sample(id="Cu", atoms=bulk("Cu"))
    assert domain.refusal(catalogue.card("so3lr"), copper) == "is periodic"


def test_admet_members_stand_side_by_side() -> None:
    """The first 300 numbers are the first member's own fingerprint, per atom."""
    model = load("admet-ai-regression")
    (row,) = model.embed([Sample(id="ethanol", smiles="CCO")])
    point = model.chemprop.data.MoleculeDatapoint.from_smi("CCO")
    batch = model.chemprop.data.collate_batch([model.chemprop.data.MoleculeDataset([point])[0]])
    member = model.members[0]
    with torch.no_grad():
        own = member.fingerprint(batch.bmg, batch.V_d)[0].numpy()
    np.testing.assert_allclose(row[:300], own * member.agg.norm / 3, rtol=1e-4, atol=1e-6)


def test_antiberty_embeds_as_its_own_runner_does() -> None:
    """Without [CLS] and [SEP]."""
    model = load("antiberty")
    from antiberty import AntiBERTyRunner

    text = "EVQLVQSGPEVKKPGTSVKVSCKASGFTFMSS"
    own = AntiBERTyRunner().embed([text])[0][1:-1].mean(0).cpu().numpy()
    np.testing.assert_allclose(model.embed([Sample(id="s", sequence=text)])[0], own, atol=1e-5)


def test_token_models_refuse_what_is_beyond_their_vocabulary() -> None:
    """A model asked to read [UNK] would embed what it cannot see."""
    assert load("antiberty").refuse(Sample(id="s", sequence="ACX")) == (
        "has residues beyond the vocabulary: X"
    )
    assert load("rxnmapper").refuse(Sample(id="s", smiles="[Lr]")) == (
        "has tokens beyond the vocabulary: [Lr]"
    )
