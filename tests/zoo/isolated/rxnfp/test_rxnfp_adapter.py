"""rxnfp: the package's own fingerprint, its tokens, and evidence of training."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from promises import load
from pytest_matalign import load_split
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.adapters._support.tokens import framed, vocabulary
from pytest_matalign.zoo.adapters.rxnfp import TOKEN
from pytest_matalign.zoo.weights.files import weight_files

pytestmark = pytest.mark.zoo
CARDS = ["rxnfp-pretrained", "rxnfp-ft", "rxnfp-ft-10k-25s"]
AMIDE_COUPLING = (
    "Nc1cccc2cnccc12.O=C(O)c1cc([N+](=O)[O-])c(Sc2c(Cl)cncc2Cl)s1"
    ">>O=C(Nc1cccc2cnccc12)c1cc([N+](=O)[O-])c(Sc2c(Cl)cncc2Cl)s1"
)
ACETYLATION = "CC(=O)OC(C)=O.O=C(O)c1ccccc1O>>CC(=O)Oc1ccccc1C(=O)O"


def test_the_class_token_is_the_fingerprint_the_package_prints() -> None:
    """Its read-me gives five numbers for this reaction."""
    model = load("rxnfp-ft")
    ids = torch.tensor([model.encode(AMIDE_COUPLING).ids])
    with torch.no_grad():
        states = model.network(input_ids=ids, attention_mask=torch.ones_like(ids))
    printed = [-2.0174954, 1.7602034, -1.3323537, -1.1095020, 1.2254549]
    np.testing.assert_allclose(states.last_hidden_state[0, 0, :5].numpy(), printed, atol=1e-5)


def test_the_pretrained_network_fills_in_masked_tokens() -> None:
    """49 of the 51 tokens of a reaction, one after the other."""
    load("rxnfp-pretrained")
    import transformers

    folder = weight_files(catalogue.card("rxnfp-pretrained"))[0].parent
    vocab = vocabulary(folder / "vocab.txt")
    network = transformers.BertForMaskedLM.from_pretrained(folder).eval()
    ids = torch.tensor(framed(TOKEN.findall(ACETYLATION), vocab).ids)
    masked = ids.repeat(len(ids) - 2, 1)
    masked[range(len(masked)), range(1, len(ids) - 1)] = vocab["[MASK]"]
    with torch.no_grad():
        guessed = network(input_ids=masked).logits.argmax(-1)
    right = sum(int(guessed[row, row + 1] == ids[row + 1]) for row in range(len(masked)))
    assert (right, len(masked)) == (49, 51)


@pytest.mark.parametrize("model_id", CARDS)
def test_the_network_has_the_parameters_of_the_card(model_id: str) -> None:
    """Without pooler and heads."""
    count = sum(one.numel() for one in load(model_id).network.parameters())
    assert count == catalogue.card(model_id).parameters


@pytest.mark.parametrize("split", ["qm9", "ccd-ligands"])
def test_the_bundled_molecules_are_read_whole(split: str) -> None:
    """Batched with longer ones, a molecule keeps its vector."""
    model = load("rxnfp-pretrained")
    samples = [one for one in load_split(split, samples=40).samples if model.refuse(one) is None]
    assert len(samples) >= 36
    together = model.embed(samples)
    apart = np.concatenate([model.embed([one]) for one in samples])
    np.testing.assert_array_equal(model.embed(samples), together)
    assert np.abs(together - apart).max() < 1e-5 * np.linalg.norm(together, axis=1).max()


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("[Og]", "has tokens beyond the vocabulary: [Og]"),
        ("CC'O", "has a SMILES with characters the model's tokens do not cover"),
    ],
)
def test_what_the_vocabulary_lacks_is_refused(smiles: str, reason: str) -> None:
    """The package would read [UNK], or skip the character without a word."""
    assert load("rxnfp-pretrained").refuse(Sample(id="s", smiles=smiles)) == reason
