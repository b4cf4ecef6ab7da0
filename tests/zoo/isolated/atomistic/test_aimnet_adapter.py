"""AIMNet2, the package's own architecture with random weights, saved and loaded as published."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from ase.build import bulk, molecule

from promises import TOLERANCE, change, check_promises, molecules, moved, need
from pytest_matalign.environments import loading
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue, domain
from pytest_matalign.zoo.card import Weights
from pytest_matalign.zoo.quiet import import_quietly, quiet

if TYPE_CHECKING:
    from pathlib import Path

need("aimnet", environment="atomistic")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of format 2; long-range terms, which have no weights, are left out of it."""
    import torch
    import yaml

    torch.manual_seed(0)
    text = resources.files("aimnet.models").joinpath("aimnet2.yaml").read_text("utf-8")
    config = yaml.safe_load(text)
    config["kwargs"]["outputs"] = {
        name: one
        for name, one in config["kwargs"]["outputs"].items()
        if name in ("energy_mlp", "atomic_shift", "atomic_sum")
    }
    with quiet():
        network = import_quietly("aimnet.config").build_module(config)
    path = tmp_path_factory.mktemp("aimnet") / "small.pt"
    torch.save(
        {
            "format_version": 2,
            "cutoff": 5.0,
            "model_yaml": yaml.safe_dump(config, sort_keys=False),
            "state_dict": network.state_dict(),
            "implemented_species": [1, 6, 7, 8],
        },
        path,
    )
    return path


@pytest.fixture(scope="module")
def model(saved: Path) -> Any:
    card = catalogue.card("aimnet2-wb97m-d3-0")
    return loading.load(msgspec.structs.replace(card, weights=Weights(path=str(saved))))


def test_vectors_of_atoms_are_embedded(model: Any) -> None:
    """With or without company."""
    check_promises(model, molecules(), width=256)


def test_vectors_do_not_see_where_a_molecule_stands(model: Any) -> None:
    """Neither its orientation nor the order of its atoms."""
    assert change(model, molecules(), [moved(one) for one in molecules()]) <= TOLERANCE


def test_large_molecules_go_through_the_sparse_path(model: Any) -> None:
    """Copies too far apart to see each other have the mean of one."""
    one = molecule("bicyclobutane")
    many = one.copy()
    for step in range(1, 20):
        other = one.copy()
        other.translate([40.0 * step, 0.0, 0.0])
        many += other
    assert len(many) > model.calculator.nb_threshold
    found = model.embed([Sample(id="one", atoms=one), Sample(id="many", atoms=many)])
    assert np.abs(found[0] - found[1]).max() <= TOLERANCE * np.linalg.norm(found[0])


def test_charge_is_seen(model: Any) -> None:
    """Through the charges it equilibrates."""
    ion = molecule("CH3")
    ion.info["charge"] = 1
    radical, cation = model.embed(
        [Sample(id="radical", atoms=molecule("CH3")), Sample(id="cation", atoms=ion)]
    )
    assert np.abs(radical - cation).max() > 1e-4 * np.abs(radical).max()


def test_it_is_gated_by_element_and_periodicity() -> None:
    """By its card."""
    card = catalogue.card("aimnet2-wb97m-d3-0")
    salt = Sample(id="NaCl", atoms=molecule("NaCl"))
    assert domain.refusal(card, salt) == "contains Na, which the model does not cover"
    assert domain.refusal(card, Sample(id="Si", atoms=bulk("Si"))) == "is periodic"


def test_the_file_of_a_card_is_that_of_the_packages_registry() -> None:
    """Address and digest."""
    import yaml

    text = resources.files("aimnet.calculators").joinpath("model_registry.yaml").read_text("utf-8")
    known = {one["url"]: one["sha256"] for one in yaml.safe_load(text)["models"].values()}
    for card in catalogue.cards().values():
        if card.adapter == "aimnet":
            assert card.weights is not None
            assert known[card.weights.url] == card.weights.sha256
