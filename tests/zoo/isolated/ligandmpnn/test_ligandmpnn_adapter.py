"""ProteinMPNN and its descendants: trained weights, and nothing but the backbone seen."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch

from promises import load
from pytest_matalign import load_split
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.adapters.ligandmpnn import features

pytestmark = pytest.mark.zoo
LETTERS = "ACDEFGHIKLMNPQRSTVWYX"
CARDS = [
    one.id
    for one in catalogue.cards().values()
    if one.family == "proteinmpnn" and one.role == "pretrained"
]


@lru_cache(maxsize=1)
def chains() -> list[Sample]:
    """Natural chains: in a regular helix, neighbours tie, and a rotation breaks the ties."""
    return list(load_split("pdb-chains", samples=6).samples)


@pytest.mark.parametrize("model_id", CARDS)
def test_the_network_prefers_the_residues_that_nature_chose(model_id: str) -> None:
    """Chance is one residue in twenty; the trained networks find four to six in ten."""
    network = load(model_id).network
    found = np.mean([_recovered(network, sample) for sample in chains()])
    assert found > 0.35


def _recovered(network: Any, sample: Sample) -> float:
    """Fraction of residues given the highest probability, decoded in a fixed random order."""
    assert sample.backbone is not None
    assert sample.sequence is not None
    length = len(sample.sequence)
    truth = torch.tensor([[LETTERS.index(letter) for letter in sample.sequence]])
    asked = {
        **features(sample.backbone),
        "S": truth,
        "batch_size": 1,
        "chain_mask": torch.ones(1, length),
        "randn": torch.randn(1, length, generator=torch.Generator().manual_seed(0)),
        "symmetry_residues": [[]],
    }
    with torch.no_grad():
        guessed = network.score(asked, use_sequence=True)["log_probs"].argmax(-1)
    return float((guessed == truth).float().mean())


@pytest.mark.parametrize("model_id", CARDS)
def test_every_checkpoint_has_the_parameters_and_noise_of_its_card(model_id: str) -> None:
    """The file says at which noise it was trained."""
    card = catalogue.card(model_id)
    network = load(model_id).network
    assert sum(one.numel() for one in network.parameters()) == card.parameters
    assert card.width == network.hidden_dim
    from pytest_matalign.zoo.weights.files import weight_files

    noise = torch.load(weight_files(card)[0], weights_only=True)["noise_level"]
    assert f"{noise:.2f} Å of noise" in str(card.notes)


@pytest.mark.parametrize("model_id", CARDS)
def test_a_chain_may_be_moved_and_turned(model_id: str) -> None:
    """Distances are all that is seen; mirror images differ."""
    model = load(model_id)
    (sample,) = chains()[:1]
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    before = model.embed([sample])
    moved = (sample.backbone @ turn + [3.0, -2.0, 5.0]).astype(np.float32)
    after = model.embed([replace(sample, backbone=moved)])
    mirrored = model.embed([replace(sample, backbone=sample.backbone * np.float32([1, 1, -1]))])
    scale = np.linalg.norm(before)
    assert np.abs(after - before).max() < 1e-5 * scale
    assert np.abs(mirrored - before).max() > 1e-3 * scale


def test_embeddings_do_not_depend_on_the_batch_or_the_sequence() -> None:
    """The encoder is given no residue types."""
    model = load("proteinmpnn-v-48-020")
    samples = chains()[:3]
    together = model.embed(samples)
    apart = np.concatenate([model.embed([one]) for one in reversed(samples)])[::-1]
    blind = model.embed([replace(one, sequence=None) for one in samples])
    np.testing.assert_array_equal(together, apart)
    np.testing.assert_array_equal(together, blind)


def test_one_masked_ligand_atom_says_as_little_as_twenty_five() -> None:
    """The package pads to 25; the residue features agree to the last bits."""
    network = load("ligandmpnn-v-32-010").network
    (sample,) = chains()[:1]
    asked = features(sample.backbone)
    full = {**asked, **{name: asked[name].repeat_interleave(25, 2) for name in ("Y", "Y_t", "Y_m")}}
    with torch.no_grad():
        one, all_of_them = network.encode(asked)[0], network.encode(full)[0]
    torch.testing.assert_close(one, all_of_them, rtol=1e-5, atol=1e-5)


def test_backbones_with_missing_atoms_are_refused() -> None:
    """The network would spread the NaN over the whole chain."""
    model = load("proteinmpnn-v-48-020")
    (sample,) = chains()[:1]
    holed = np.array(sample.backbone)
    holed[3, 2] = np.nan
    assert model.refuse(sample) is None
    assert model.refuse(replace(sample, backbone=holed)) == (
        "has backbone atoms without coordinates"
    )
