"""UMA and eSEN, built small with random weights, saved as inference checkpoints and loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from ase.build import fcc111, molecule

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
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.card import Weights
from pytest_matalign.zoo.quiet import import_quietly, quiet

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_matalign.zoo.card import ModelCard

need("fairchem", environment="atomistic")

CHANNELS = 16
SMALL = {
    "sphere_channels": CHANNELS,
    "lmax": 2,
    "mmax": 2,
    "otf_graph": True,
    "cutoff": 5.0,
    "edge_channels": 16,
    "num_distance_basis": 16,
    "num_layers": 2,
    "hidden_channels": 16,
    "direct_forces": False,
    "regress_forces": True,
    "max_neighbors": 300,
}
UMA = {
    **SMALL,
    "model": "fairchem.core.models.uma.escn_moe.eSCNMDMoeBackbone",
    "num_experts": 4,
    "use_composition_embedding": True,
    "model_version": 1.1,
    "dataset_list": ["omat", "omol"],
}
ESEN = {
    **SMALL,
    "model": "fairchem.core.models.uma.escn_md.eSCNMDBackbone",
    "use_dataset_embedding": False,
}


def save(path: Path, backbone: dict[str, Any], tasks: list[str]) -> None:
    """Write a checkpoint of a fresh network, as the package's trainer does."""
    import torch

    torch.manual_seed(0)
    head = {"module": "fairchem.core.models.uma.escn_md.MLP_EFS_Head"}
    model = {
        "_target_": "fairchem.core.models.base.HydraModel",
        "backbone": backbone,
        "heads": {"efs": head},
    }
    with quiet():
        inference = import_quietly("fairchem.core.units.mlip_unit.api.inference")
        network = import_quietly("hydra.utils").instantiate(model)
        averaged = torch.optim.swa_utils.AveragedModel(network)
        checkpoint = inference.MLIPInferenceCheckpoint(
            model_config=model,
            model_state_dict=network.state_dict(),
            ema_state_dict=averaged.state_dict(),
            tasks_config=[{"name": f"{one}_energy", "datasets": [one]} for one in tasks],
        )
        torch.save(checkpoint, path)


def local(card_id: str, path: Path) -> ModelCard:
    """A card of the zoo with weights on this machine."""
    return msgspec.structs.replace(
        catalogue.card(card_id), weights=Weights(path=str(path), pickled=True)
    )


@pytest.fixture(scope="module")
def uma_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("uma") / "uma.pt"
    save(path, UMA, ["omat", "omol"])
    return path


@pytest.fixture(scope="module")
def uma(uma_file: Path) -> Any:
    return loading.load(local("uma-s-1p1", uma_file), allow_pickle=True)


@pytest.fixture(scope="module")
def uma_omol(uma_file: Path) -> Any:
    return loading.load(local("uma-s-1p1-omol", uma_file), allow_pickle=True)


@pytest.fixture(scope="module")
def esen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("esen") / "esen.pt"
    save(path, ESEN, ["omol"])
    return loading.load(local("esen-sm-conserving-all-omol", path), allow_pickle=True)


@pytest.fixture(scope="module", params=["uma", "uma_omol", "esen"])
def model(request: Any) -> Any:
    return request.getfixturevalue(request.param)


def test_scalars_are_embedded(model: Any) -> None:
    """Molecules and crystals, with or without company."""
    check_promises(model, [*molecules(), *crystals()], width=CHANNELS)


def test_scalars_do_not_see_where_a_structure_stands(model: Any) -> None:
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


def test_the_task_is_part_of_the_model(uma: Any, uma_omol: Any) -> None:
    """One network speaks for two data sets."""
    one, other = uma.embed(molecules()), uma_omol.embed(molecules())
    assert np.abs(one - other).max() > 1e-3 * np.abs(one).max()


def test_charge_is_seen_by_the_molecular_task_only(uma: Any, uma_omol: Any) -> None:
    """Materials were computed neutral."""
    ion = molecule("CH3")
    ion.info["charge"] = 1
    pair = [Sample(id="radical", atoms=molecule("CH3")), Sample(id="cation", atoms=ion)]
    radical, cation = uma_omol.embed(pair)
    assert np.abs(radical - cation).max() > 1e-4 * np.abs(radical).max()
    np.testing.assert_array_equal(*uma.embed(pair))


def test_embeddings_are_those_the_energy_head_reads(uma: Any, uma_file: Path) -> None:
    """The package's own calculator, with a hook before the head."""
    units = import_quietly("fairchem.core.units.mlip_unit.utils")
    settings = {"backbone": {"always_use_pbc": False, "otf_graph": True}}
    seen: list[Any] = []
    with quiet():
        averaged, _ = units.load_inference_model(str(uma_file), settings, use_ema=True)
        head = averaged.module.output_heads["efs"]
        head.energy_block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        water = molecules()[0]
        merge = import_quietly("fairchem.core.datasets.atomic_data").atomicdata_list_to_batch
        averaged.eval()(merge([uma._graph(water)]))
    own = seen[0].detach().reshape(-1, CHANNELS).mean(0).numpy()
    np.testing.assert_allclose(uma.embed([water])[0], own, rtol=1e-4, atol=1e-5)


def test_an_unknown_task_is_named(uma_file: Path) -> None:
    """With those of the checkpoint."""
    card = local("uma-s-1p1", uma_file)
    wrong = msgspec.structs.replace(card, options={"task": "odac"})
    with pytest.raises(ConfigurationError, match="`task` is one of omat, omol"):
        loading.load(wrong, allow_pickle=True)


def test_a_published_model_comes_from_the_hub(
    uma: Any, uma_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its commit."""
    card = catalogue.card("uma-s-1p1")
    files = {"checkpoints/uma-s-1p1.pt": uma_file}
    found = loading.load(from_hub(card, files, tmp_path, monkeypatch), allow_pickle=True)
    np.testing.assert_array_equal(found.embed(molecules()), uma.embed(molecules()))
