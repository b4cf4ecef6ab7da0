"""Pictures of samples are numbers a page draws."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from pytest_matalign.report.pictures import MOST_ATOMS, caption, elements, picture
from pytest_matalign.splits.sample import Sample


def test_a_molecule_is_drawn_as_its_formula() -> None:
    """Ethanol: three atoms, two single bonds, a label at the oxygen only."""
    drawn = picture(Sample(id="e", smiles="CCO"))
    assert drawn is not None
    assert [atom[2] for atom in drawn["a"]] == ["", "", "OH"]
    assert sorted(drawn["b"]) == [[0, 1, 1], [1, 2, 1]]


def test_aromatic_bonds_are_drawn_alternating() -> None:
    """Benzene has three double bonds on paper."""
    drawn = picture(Sample(id="b", smiles="c1ccccc1"))
    assert drawn is not None
    assert sorted(bond[2] for bond in drawn["b"]) == [1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(("smiles", "label"), [("C[NH3+]", "NH3+"), ("[O-2]", "O2-"), ("C", "CH4")])
def test_charges_and_hydrogens_are_written(smiles: str, label: str) -> None:
    """An atom that is not a carbon of a skeleton says what it is."""
    drawn = picture(Sample(id="x", smiles=smiles))
    assert drawn is not None
    assert drawn["a"][-1][2] == label


def test_smiles_that_cannot_be_read_have_no_picture() -> None:
    """A page then shows the text alone."""
    assert picture(Sample(id="x", smiles="not a molecule")) is None


def test_a_crystal_is_drawn_with_its_cell() -> None:
    """Rock salt: two elements, eight atoms, the twelve edges of the cell at true lengths."""
    drawn = picture(Sample(id="s", atoms=bulk("NaCl", "rocksalt", a=5.6, cubic=True)))
    assert drawn is not None
    assert (drawn["e"], len(drawn["p"]), len(drawn["c"])) == (["Na", "Cl"], 8, 12)


def test_a_structure_is_turned_and_not_deformed() -> None:
    """Distances between atoms are those of the structure, in hundredths of an Å."""
    atoms = Atoms("H2O", positions=[[0, 0.76, 0.59], [0, -0.76, 0.59], [0, 0, 0]])
    drawn = picture(Sample(id="w", atoms=atoms))
    assert drawn is not None
    places = np.array([p[:3] for p in drawn["p"]]) / 100
    shown = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.testing.assert_allclose(shown, atoms.get_all_distances(), atol=0.02)


def test_a_structure_too_large_to_see_has_no_picture() -> None:
    """Hundreds of atoms on a thumbnail are a blot."""
    assert picture(Sample(id="l", atoms=Atoms(f"H{MOST_ATOMS + 1}"))) is None


def test_a_protein_is_drawn_as_the_course_of_its_chain() -> None:
    """A straight chain is a straight line, whatever its direction in space."""
    along = np.arange(12)[:, None, None] * np.array([1.0, 2.0, 2.0]) + np.zeros((12, 4, 3))
    drawn = picture(Sample(id="p", backbone=along.astype(np.float32)))
    assert drawn is not None
    assert len(drawn["p"]) == 12
    assert max(abs(y) for _, y in drawn["p"]) == 0


def test_captions_say_what_a_sample_is() -> None:
    """Formula of a crystal per formula unit, SMILES as they are, length of a sequence."""
    assert caption(Sample(id="s", atoms=bulk("NaCl", "rocksalt", a=5.6, cubic=True))) == "ClNa"
    assert caption(Sample(id="e", smiles="CCO")) == "CCO"
    assert caption(Sample(id="p", sequence="MKV" * 20)).startswith("60 residues: MKV")


def test_elements_have_colours_and_radii() -> None:
    """Oxygen is red in the convention of ASE."""
    assert elements({"O"}) == {"O": ["#ff0d0d", 0.66]}
