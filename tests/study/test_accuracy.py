"""Errors of potentials: forces by differences of energies are the package's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_matalign import load_split
from pytest_matalign.environments.loading import unavailable
from pytest_matalign.splits.perturb import direction
from pytest_matalign.study.measures.energies import (
    predicted_energies,
    predicted_forces,
    root_mean_square,
    unseen_error,
)
from pytest_matalign.zoo.adapters.composition import fractions
from pytest_matalign.zoo.catalogue import card


def test_projections_have_the_mean_square_of_components():
    """Over directions drawn for the samples, as the split says."""
    samples = load_split("mlearn").samples
    rng = np.random.default_rng(0)
    wrong = [0.3 * rng.standard_normal((len(s.atoms), 3)) for s in samples]
    along = np.array([(w * direction(s)).sum() for w, s in zip(wrong, samples, strict=True)])
    found = root_mean_square(along)
    assert found.low < 0.3 < found.high


def test_a_potential_that_is_wrong_by_element_alone_has_no_error():
    """And what it does not know of structure is its error."""
    samples = load_split("mlearn").samples
    rows = np.array([fractions(sample) for sample in samples])
    truth = np.array([sample.labels["energy_eV"] for sample in samples])
    shifted = truth + rows @ np.arange(rows.shape[1])
    assert unseen_error(shifted, truth, rows).value == pytest.approx(0.0, abs=1e-9)
    assert unseen_error(np.zeros(len(truth)), truth, rows).value > 0.1


@pytest.mark.zoo
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Converting a tensor:UserWarning")
@pytest.mark.skipif(unavailable(card("chgnet-0.3.0")) is not None, reason="needs chgnet")
def test_forces_and_energies_of_chgnet_are_those_of_its_package():
    """Its calculator differentiates; ours takes differences of single-precision energies."""
    from chgnet.model import CHGNet
    from pymatgen.io.ase import AseAtomsAdaptor

    samples = [s for s in load_split("mlearn").samples if len(s.atoms) < 60][:4]
    network: Any = CHGNet.load(model_name="0.3.0", use_device="cpu", verbose=False)
    own = [
        network.predict_structure(AseAtomsAdaptor.get_structure(s.atoms), task="ef")
        for s in samples
    ]
    along = [float((one["f"] * direction(s)).sum()) for one, s in zip(own, samples, strict=True)]
    found = predicted_forces(card("chgnet-0.3.0"), samples)
    np.testing.assert_allclose(found, along, atol=0.01)
    energies = predicted_energies(card("chgnet-0.3.0"), samples)
    np.testing.assert_allclose(energies, [float(one["e"]) for one in own], atol=1e-4)
