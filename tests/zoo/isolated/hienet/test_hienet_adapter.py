"""HIENet: trained weights without a compiled torch-scatter, and an invariant embedding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from ase.build import bulk, molecule

from promises import load
from pytest_matalign import load_split
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue, domain
from pytest_matalign.zoo.adapters import hienet
from pytest_matalign.zoo.adapters._support.scatter import scatter


@pytest.mark.zoo
def test_energies_are_those_of_the_package_with_torch_scatter() -> None:
    """Salt and ethanol in eV, the same numbers as with the compiled package."""
    load("hienet-v3")
    network = hienet.whole_network(catalogue.card("hienet-v3"))
    assert sum(one.numel() for one in network.parameters()) == 7_510_463
    energies = []
    for atoms in (bulk("NaCl", "rocksalt", a=5.64), molecule("CH3CH2OH")):
        with torch.no_grad():
            output = network(hienet.graph(network, atoms))
        energies.append(output["inferred_total_energy"].item())
    assert energies == pytest.approx([-6.7713, -46.7565], abs=2e-4)


@pytest.mark.zoo
def test_the_card_has_the_elements_of_the_network() -> None:
    """All up to plutonium but five radioactive ones."""
    from ase.data import atomic_numbers

    card = catalogue.card("hienet-v3")
    assert card.elements is not None
    assert {atomic_numbers[one] for one in card.elements} == set(load(card.id).network.type_map)


@pytest.mark.zoo
@pytest.mark.parametrize("split", ["mp-crystals", "qm9"])
def test_bundled_structures_may_be_moved_turned_and_reordered(split: str) -> None:
    """One by one or in a batch, the same vectors; again, the same bits."""
    model = load("hienet-v3")
    card = catalogue.card("hienet-v3")
    samples = [
        one for one in load_split(split, samples=8).samples if domain.refusal(card, one) is None
    ]
    vectors = model.embed(samples)
    assert vectors.shape == (len(samples), card.width)
    np.testing.assert_array_equal(model.embed(samples), vectors)
    moved = np.concatenate(
        [model.embed([replace(one, atoms=_moved(one.atoms))]) for one in samples]
    )
    assert np.abs(moved - vectors).max() < 2e-5 * np.linalg.norm(vectors, axis=1).max()


def _moved(atoms: Any) -> Any:
    copy = atoms.copy()
    copy.rotate(40, "x", rotate_cell=True)
    copy.rotate(70, "z", rotate_cell=True)
    copy.translate([1.0, 2.0, 3.0])
    return copy[np.random.default_rng(0).permutation(len(copy))]


@pytest.mark.zoo
def test_a_supercell_is_the_same_crystal_and_e3nn_keeps_its_settings() -> None:
    """The mean is over atoms; the settings are global, and other models may want them."""
    model = load("hienet-v3")
    salt = bulk("NaCl", "rocksalt", a=5.64)
    one, eight = model.embed([Sample(id="1", atoms=salt), Sample(id="8", atoms=salt * (2, 2, 2))])
    assert np.abs(one - eight).max() < 2e-5 * np.linalg.norm(one)
    import e3nn

    assert e3nn.get_optimization_defaults()["jit_script_fx"]


@pytest.mark.parametrize("reduce", ["sum", "add", "mean", "min", "max", "mul"])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_scatter_reduces_what_shares_an_index(reduce: str, dim: int) -> None:
    """Against a loop; places without an item stay zero, as in torch_scatter."""
    src = torch.randn(4, 4, 4, generator=torch.Generator().manual_seed(0))
    index = torch.tensor([0, 3, 0, 0])
    found = scatter(src, index, dim=dim, dim_size=5, reduce=reduce).movedim(dim, 0)
    items = src.movedim(dim, 0)
    combine = {
        "mean": lambda part: part.mean(0),
        "min": lambda part: part.amin(0),
        "max": lambda part: part.amax(0),
        "mul": lambda part: part.prod(0),
    }.get(reduce, lambda part: part.sum(0))
    torch.testing.assert_close(found[0], combine(items[[0, 2, 3]]))
    torch.testing.assert_close(found[3], items[1])
    assert not found[[1, 2, 4]].any()


def test_scatter_without_a_size_ends_at_the_largest_index() -> None:
    """And adds to what it is given."""
    src, index = torch.ones(3, 2), torch.tensor([1, 1, 2])
    torch.testing.assert_close(
        scatter(src, index, dim=0), torch.tensor([[0.0] * 2, [2.0] * 2, [1.0] * 2])
    )
    begun = torch.ones(3, 2)
    torch.testing.assert_close(scatter(src, index, dim=0, out=begun)[1], torch.tensor([3.0, 3.0]))
