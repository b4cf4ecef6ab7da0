"""MiniMol: trained weights through graphium's own networks, without its training."""

from __future__ import annotations

import numpy as np
import pytest

from promises import load
from pytest_matalign import load_split
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue

pytestmark = pytest.mark.zoo
ASPIRIN, SALICYLIC_ACID = "CC(=O)Oc1ccccc1C(=O)O", "O=C(O)c1ccccc1O"
CAFFEINE, THEOPHYLLINE = "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "Cn1c(=O)c2[nH]cnc2n(C)c1=O"


def sample(smiles: str) -> Sample:
    """A molecule named by its SMILES."""
    return Sample(id=smiles, smiles=smiles)


def test_like_molecules_have_like_fingerprints() -> None:
    """Cosines of the package's fingerprint, the maximum over atoms, measured once."""
    model = load("minimol-v1")
    from torch_geometric.data import Batch

    rows = []
    for smiles in (ASPIRIN, SALICYLIC_ACID, CAFFEINE, THEOPHYLLINE):
        nodes = model.nodes(Batch.from_data_list([model.featurise(smiles)]))
        rows.append(nodes.amax(0).numpy())
    unit = np.stack(rows) / np.linalg.norm(rows, axis=1, keepdims=True)
    assert unit[0] @ unit[1] == pytest.approx(0.917, abs=2e-3)
    assert unit[2] @ unit[3] == pytest.approx(0.982, abs=2e-3)
    assert unit[0] @ unit[2] == pytest.approx(0.899, abs=2e-3)


def test_the_network_has_the_parameters_of_the_card() -> None:
    """The task heads, which are not embedded, included."""
    count = sum(one.numel() for one in load("minimol-v1").network.parameters())
    assert count == catalogue.card("minimol-v1").parameters


@pytest.mark.parametrize("split", ["qm9", "ccd-ligands"])
def test_bundled_molecules_do_not_depend_on_the_batch(split: str) -> None:
    """The virtual node of one molecule hears nothing of the others."""
    model = load("minimol-v1")
    samples = [one for one in load_split(split, samples=30).samples if model.refuse(one) is None]
    assert len(samples) >= 25
    together = model.embed(samples)
    assert together.shape == (len(samples), catalogue.card("minimol-v1").width)
    apart = np.concatenate([model.embed([one]) for one in reversed(samples)])[::-1]
    np.testing.assert_array_equal(model.embed(samples), together)
    assert np.abs(together - apart).max() < 2e-5 * np.linalg.norm(together, axis=1).max()


def test_single_atoms_are_read_and_text_that_is_no_smiles_is_refused() -> None:
    """Ions and water have features, if no bond to pass messages along."""
    model = load("minimol-v1")
    assert model.refuse(sample("not a molecule")) == "has a SMILES that RDKit cannot read"
    assert model.refuse(sample("O")) is None
    assert np.isfinite(model.embed([sample("O"), sample("[Na+].[Cl-]")])).all()
