"""VICGAE: the package's own embedding up to its constant, and evidence of training."""

from __future__ import annotations

import numpy as np
import pytest

from promises import load
from pytest_matalign import load_split
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.quiet import import_quietly, quiet

pytestmark = pytest.mark.zoo
ASPIRIN, SALICYLIC_ACID = "CC(=O)Oc1ccccc1C(=O)O", "O=C(O)c1ccccc1O"
CAFFEINE, THEOPHYLLINE = "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "Cn1c(=O)c2[nH]cnc2n(C)c1=O"


def sample(smiles: str) -> Sample:
    """A molecule named by its SMILES."""
    return Sample(id=smiles, smiles=smiles)


@pytest.mark.parametrize("smiles", ["CCO", ASPIRIN, CAFFEINE])
def test_the_mean_is_the_packages_sum_by_another_constant(smiles: str) -> None:
    """It divides by the width of the embedding where the mean divides by the tokens."""
    model = load("vicgae")
    with quiet():
        whole = import_quietly("astrochem_embedding").VICGAE.from_pretrained()
        own = whole.embed_smiles(smiles)[0].numpy()
    tokens = len(model._tokens(sample(smiles)))
    mean = model.embed([sample(smiles)])[0]
    np.testing.assert_allclose(mean * tokens / whole.hparams.embedding_dim, own, atol=1e-6)
    card = catalogue.card("vicgae")
    assert sum(one.numel() for one in whole.parameters()) == card.parameters


def test_the_decoder_writes_molecules_back() -> None:
    """Nine tokens in ten of the bundled molecules come back; an untrained decoder guesses."""
    model = load("vicgae")
    import torch

    with quiet():
        whole = import_quietly("astrochem_embedding").VICGAE.from_pretrained().eval()
    right = total = 0
    for one in load_split("qm9", samples=30).samples:
        if model.refuse(one) is None:
            ids = torch.tensor([[model.ids[token] for token in model._tokens(one)]])
            with torch.no_grad():
                right += int((whole(ids).argmax(-1) == ids).sum())
            total += ids.numel()
    assert total > 200
    assert right / total > 0.9


def test_like_molecules_are_near_one_another() -> None:
    """Cosines measured once: caffeine and theophylline are nearer than aspirin and caffeine."""
    rows = load("vicgae").embed(
        [sample(one) for one in (ASPIRIN, SALICYLIC_ACID, CAFFEINE, THEOPHYLLINE)]
    )
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert unit[0] @ unit[1] == pytest.approx(0.824, abs=2e-3)
    assert unit[2] @ unit[3] == pytest.approx(0.938, abs=2e-3)
    assert unit[0] @ unit[2] == pytest.approx(0.865, abs=2e-3)


@pytest.mark.parametrize("split", ["qm9", "ccd-ligands"])
def test_bundled_molecules_do_not_depend_on_the_batch(split: str) -> None:
    """Padding comes last and is not pooled; again, the same bits."""
    model = load("vicgae")
    samples = [one for one in load_split(split, samples=40).samples if model.refuse(one) is None]
    assert len(samples) >= 30
    together = model.embed(samples)
    apart = np.concatenate([model.embed([one]) for one in samples])
    np.testing.assert_array_equal(model.embed(samples), together)
    assert np.abs(together - apart).max() < 1e-5 * np.linalg.norm(together, axis=1).max()


@pytest.mark.parametrize("smiles", ["[Og]", "not a molecule"])
def test_what_selfies_cannot_express_is_refused(smiles: str) -> None:
    """The package would raise."""
    assert load("vicgae").refuse(sample(smiles)) == "has a SMILES that SELFIES cannot express"
