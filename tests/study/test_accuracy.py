"""Errors of potentials: forces by differences of energies are the package's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytest_matalign import load_split
from pytest_matalign.embeddings.store import Store
from pytest_matalign.environments.loading import unavailable
from pytest_matalign.splits.perturb import direction
from pytest_matalign.study.claims.accuracy import section
from pytest_matalign.study.claims.performance import reference_energy
from pytest_matalign.study.context import Study
from pytest_matalign.study.measures.energies import (
    predicted_energies,
    predicted_forces,
    root_mean_square,
    unseen_error,
)
from pytest_matalign.study.obtain import Embeddings
from pytest_matalign.study.plan import CRYSTALS, ELEMENTS, LIGANDS, MOLECULES, Plan
from pytest_matalign.zoo.adapters.composition import fractions
from pytest_matalign.zoo.catalogue import card, cards


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


class AllKnowing(Embeddings):
    """Potentials that are right but for their reference energies."""

    def energies(self, model, wanted):
        shift = len(model)
        return {
            sample.id: reference_energy(wanted.id, sample) + shift * sample.atoms.numbers.mean()
            for sample in self.split(wanted).samples
            if wanted.id != LIGANDS
        }

    def forces(self, model, wanted):  # noqa: ARG002  the signature
        return {s.id: s.labels["force_along_eV_A"] for s in self.split(wanted).samples}


@pytest.mark.zoo
@pytest.mark.skipif(unavailable(card("chgnet-0.3.0")) is not None, reason="needs chgnet")
def test_the_table_has_a_row_a_potential_and_a_reason_for_each_other(tmp_path):
    """A perfect one has no errors beside what knowing nothing has."""
    sizes = {CRYSTALS: 200, ELEMENTS: 60, MOLECULES: 60, LIGANDS: 5}
    plan = Plan(models=("chgnet-0.3.0", "morgan"), sizes=sizes)
    study = Study(AllKnowing(cards=cards(), store=Store(tmp_path)), plan)
    errors, absent = section(study).tables
    assert [row[0] for row in errors.rows] == ["chgnet-0.3.0", "nothing known"]
    head = list(errors.head)
    own, nothing = (dict(zip(head, row, strict=True)) for row in errors.rows)
    for column in (CRYSTALS, ELEMENTS, "mlearn, forces", MOLECULES):
        assert own[column].startswith("0 [")
        assert not nothing[column].startswith("0 [")
    reasons = dict(absent.rows)
    assert reasons["so3lr"] == "was not among the models asked for"
    assert "chgnet-0.3.0" not in reasons


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
