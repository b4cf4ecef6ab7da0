"""Labels by GFN2-xTB: right where it can be had, refused in one sentence where not."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from pytest_matalign import load_split
from pytest_matalign.errors import UnavailableError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.study.measures import xtb
from pytest_matalign.study.measures.xtb import gfn2_labels, xtb_missing


def test_without_the_package_the_cure_is_named(monkeypatch):
    """One sentence."""
    monkeypatch.setattr(xtb.importlib.util, "find_spec", lambda name: None)  # noqa: ARG005  its signature
    with pytest.raises(UnavailableError, match="pip install tblite"):
        gfn2_labels(load_split("qm9", samples=1).samples)


@pytest.mark.skipif(xtb_missing() is not None, reason="tblite is not installed")
def test_energies_of_molecules_follow_those_of_density_functional_theory():
    """Per atom, over molecules of different make-up, the two go together."""
    samples = load_split("qm9", samples=30).samples
    labels = gfn2_labels(samples)
    reference = [(s.labels["U0_Ha"] - s.labels["zpve_Ha"]) / len(s.atoms) for s in samples]
    assert np.corrcoef(labels[:, 0], reference)[0, 1] > 0.99
    assert (labels[:, 1] > 0).all()


@pytest.mark.skipif(xtb_missing() is not None, reason="tblite is not installed")
def test_an_odd_electron_is_left_unlabelled():
    """A radical is no neutral singlet."""
    radical = Sample(id="ch3", atoms=Atoms("CH3", [[0, 0, 0], [1, 0, 0], [0, 1, 0], [-1, -1, 0]]))
    assert np.isnan(gfn2_labels([radical])).all()
