"""Orb: the package's own architectures with random weights, saved and loaded as published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
import torch
from ase.build import bulk, fcc111, molecule

from promises import (
    TOLERANCE,
    change,
    check_promises,
    check_worker,
    crystals,
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
    from collections.abc import Iterator

    from pytest_matalign.zoo.card import ModelCard

need("orb_models", environment="atomistic")

EVERY_NEIGHBOUR = ["orb-v3-conservative-inf-omat", "orb-v3-direct-omol"]
MODELS = ["orb-v2", "orb-v3-direct-20-omat", *EVERY_NEIGHBOUR]


@pytest.fixture(scope="module", params=MODELS)
def local(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelCard]:
    """A card of the zoo whose weights are random; the package builds what the card counts."""
    one = catalogue.card(request.param)
    path = tmp_path_factory.mktemp("orb") / "random.ckpt"
    package = import_quietly("orb_models.forcefield.pretrained")

    counted: list[int] = []

    def save(model: Any, *_: object, **__: object) -> Any:
        torch.save(model.state_dict(), path)
        counted.append(sum(one.numel() for one in model.parameters()))
        return model

    torch.manual_seed(0)
    with quiet(), pytest.MonkeyPatch.context() as patch:
        # The builder knows the architecture; it is stopped where it would fetch weights.
        patch.setattr(package, "load_model", save)
        package.ORB_PRETRAINED_MODELS[one.options["checkpoint"]](device="cpu", compile=False)
    assert counted == [one.parameters]
    yield msgspec.structs.replace(one, weights=Weights(path=str(path)))
    path.unlink()


@pytest.fixture(scope="module")
def model(local: ModelCard) -> Any:
    return loading.load(local)


def test_node_features_are_embedded(model: Any, local: ModelCard) -> None:
    """Molecules and crystals, with or without company."""
    assert local.width is not None
    check_promises(model, [*molecules(), *crystals()], width=local.width)
    check_worker(local, model, crystals())


def test_shifting_and_reordering_changes_nothing(model: Any) -> None:
    """Molecules have few enough neighbours for none to be left out."""
    samples = molecules()
    assert change(model, samples, [moved(one, turn=False) for one in samples]) <= TOLERANCE


@pytest.mark.parametrize("local", EVERY_NEIGHBOUR, indirect=True, scope="module")
def test_a_supercell_is_the_same_crystal_where_no_neighbour_is_left_out(model: Any) -> None:
    """Of 20 neighbours, as the others keep, the last are chosen among equals."""
    assert model.system.max_num_neighbors > 20
    silicon = [Sample(id="Si", atoms=bulk("Si"))]
    assert change(model, silicon, [supercell(one) for one in silicon]) <= TOLERANCE


def test_slabs_are_refused(model: Any) -> None:
    """The package would raise."""
    slab = fcc111("Cu", (1, 1, 3), vacuum=8.0)
    assert model.refuse(Sample(id="slab", atoms=slab)) == "is periodic in 2 of three directions"


def test_charge_is_seen_by_the_models_that_know_it(model: Any, local: ModelCard) -> None:
    """Those trained on OMol25."""
    ion = molecule("CH3")
    ion.info["charge"] = 1
    radical, cation = model.embed(
        [Sample(id="radical", atoms=molecule("CH3")), Sample(id="cation", atoms=ion)]
    )
    assert np.array_equal(radical, cation) == (not local.id.endswith("omol"))


def test_an_unknown_checkpoint_is_named(local: ModelCard) -> None:
    """With the names there are."""
    wrong = msgspec.structs.replace(local, options={"checkpoint": "orb-v9"})
    with pytest.raises(ConfigurationError, match=r"`checkpoint` is one of .*orb-v2"):
        loading.load(wrong)
