"""SCEPTR: real weights on loops of receptors, and an honest refusal of everything else."""

from __future__ import annotations

import numpy as np
import pytest

from promises import check_worker, load
from pytest_matalign import load_split
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.adapters import sceptr

pytestmark = pytest.mark.zoo
GILGFVFTL = ["CASSIRSSYEQYF", "CASSIRSAYEQYF"]
"""Loops with the RS motif, of receptors for the influenza peptide GILGFVFTL."""
OTHERS = ["CASSEFQGDNEQFF", "CASSVGDLLTGELFF", "CASSPGTGGNEQYF"]


def loops(texts: list[str]) -> list[Sample]:
    """Samples of one loop each."""
    return [Sample(id=text, sequence=text) for text in texts]


def test_receptors_of_one_motif_are_near_one_another() -> None:
    """Nearer than to any loop of another kind."""
    vectors = load("sceptr-cdr3-only").embed(loops(GILGFVFTL + OTHERS))
    assert vectors.shape == (5, catalogue.card("sceptr-cdr3-only").width)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    cosines = vectors @ vectors.T
    assert cosines[0, 1] > 0.8
    assert cosines[0, 1] > cosines[:2, 2:].max() + 0.2


def test_embeddings_do_not_depend_on_the_batch() -> None:
    """Loops differ in length and are padded by the package."""
    model = load("sceptr-cdr3-only")
    samples = loops(GILGFVFTL + OTHERS)
    together = model.embed(samples)
    apart = np.concatenate([model.embed([one]) for one in reversed(samples)])[::-1]
    np.testing.assert_array_equal(model.embed(samples), together)
    assert np.abs(together - apart).max() < 1e-5
    check_worker(catalogue.card("sceptr-cdr3-only"), model, samples)


def test_the_network_has_the_parameters_of_the_card() -> None:
    """Counted in the package's own object."""
    count = sum(one.numel() for one in load("sceptr-cdr3-only").network._bert.parameters())
    assert count == catalogue.card("sceptr-cdr3-only").parameters


@pytest.mark.parametrize("split", ["uniprot", "pdb-chains"])
def test_no_bundled_protein_is_taken_for_a_receptor(split: str) -> None:
    """The package would read any sequence; this is told without the package."""
    model = sceptr.Sceptr(network=None, frame=None)
    reasons = {model.refuse(one) for one in load_split(split).samples}
    assert reasons == {"is not the CDR3 loop of a T-cell receptor (C to F or W, 5 to 40 residues)"}
    assert model.refuse(loops(GILGFVFTL)[0]) is None
