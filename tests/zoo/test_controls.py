"""Controls: what each of them sees of a sample, and that it sees nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from pytest_matalign.environments import loading
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue

if TYPE_CHECKING:
    from pytest_matalign.zoo.card import ModelCard

WATER = Sample(id="water", atoms=molecule("H2O"))


def embed(card: str | ModelCard, *samples: Sample) -> np.ndarray:
    """Embed with a control that needs no package of the extra."""
    return loading.load(catalogue.card(card) if isinstance(card, str) else card).embed(samples)


def test_composition_is_the_fractions_of_elements() -> None:
    """Two thirds hydrogen, one third oxygen; nothing else."""
    (row,) = embed("composition", WATER)
    assert row[0] == pytest.approx(2 / 3)
    assert row[7] == pytest.approx(1 / 3)
    assert row.sum() == pytest.approx(1)


def test_composition_of_a_smiles_counts_its_hydrogens() -> None:
    """A SMILES and the same molecule's atoms have the same composition."""
    atoms = Sample(id="ethanol", atoms=molecule("CH3CH2OH"))
    from_smiles = embed("composition", Sample(id="ethanol", smiles="CCO"))
    np.testing.assert_allclose(from_smiles, embed("composition", atoms), rtol=1e-6)


def test_composition_of_a_sequence_is_the_fractions_of_residues() -> None:
    """Unknown letters share one place; isomers of a sequence look alike."""
    first, second = embed(
        "composition", Sample(id="a", sequence="AACX"), Sample(id="b", sequence="XACA")
    )
    np.testing.assert_array_equal(first, second)
    assert first[118] == 0.5
    assert first[-1] == 0.25


def test_size_sees_no_elements() -> None:
    """Two salts of one lattice constant are one and the same."""
    salts = [Sample(id=name, atoms=bulk(name, "rocksalt", a=5.0)) for name in ("NaCl", "MgO")]
    first, second = embed("size", *salts)
    np.testing.assert_array_equal(first, second)


def test_size_orders_lengths() -> None:
    """The closer two lengths, the closer the vectors, in angle too."""
    rows = embed("size", *(Sample(id=str(n), sequence="A" * n) for n in (100, 110, 150, 300)))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    likeness = rows[0] @ rows.T
    assert list(likeness) == sorted(likeness, reverse=True)
    assert likeness[1] > likeness[2] + 0.05 > likeness[3] + 0.1


def test_random_vectors_depend_on_the_sample_alone() -> None:
    """Not on order, batch or process; another seed gives others."""
    samples = [Sample(id=str(index), sequence="A") for index in range(200)]
    rows = embed("random", *samples)
    np.testing.assert_array_equal(embed("random", *reversed(samples))[::-1], rows)
    card = catalogue.card("random")
    other = embed(msgspec.structs.replace(card, options={**card.options, "seed": 2}), *samples)
    assert abs(np.corrcoef(rows.ravel(), other.ravel())[0, 1]) < 0.03
    assert abs(rows.mean()) < 0.03
    assert rows.std() == pytest.approx(1, abs=0.03)


def test_morgan_fingerprints_count_environments() -> None:
    """The same molecule written otherwise has the same counts; a longer chain has more."""
    rows = embed("morgan", *(Sample(id=text, smiles=text) for text in ("CCO", "OCC", "CCCCCO")))
    np.testing.assert_array_equal(rows[0], rows[1])
    assert rows[2].sum() > rows[0].sum()
    assert rows.max() > 1


def test_rdkit_descriptors_are_standardised_by_constants() -> None:
    """Benzene's 78.11 g/mol, centred and scaled; a monster is cut at ten."""
    benzene, monster = embed(
        "rdkit-descriptors",
        Sample(id="benzene", smiles="c1ccccc1"),
        Sample(id="monster", smiles="C" * 400),
    )
    assert benzene[0] == pytest.approx((78.11 - 131.1) / 129.3, abs=1e-3)
    assert monster.max() == 10


@pytest.mark.parametrize("model_id", ["morgan", "rdkit-descriptors", "composition"])
def test_a_smiles_that_cannot_be_read_is_refused(model_id: str) -> None:
    """With a reason, and nothing on stderr."""
    model = loading.load(catalogue.card(model_id))
    assert model.refuse(Sample(id="bad", smiles="C((")) == "has a SMILES that RDKit cannot read"
    assert model.refuse(Sample(id="good", smiles="CC")) is None


def test_dipeptides_are_counted_in_order() -> None:
    """AC and CA are two pairs; a letter beyond the twenty breaks the chain of pairs."""
    model = loading.load(catalogue.card("dipeptide"))
    (row,) = model.embed([Sample(id="s", sequence="ACAXC")])
    np.testing.assert_allclose(np.sort(row)[-2:], np.sqrt([0.5, 0.5]), rtol=1e-6)
    assert model.refuse(Sample(id="s", sequence="AXC")) is not None
    assert model.refuse(Sample(id="s", sequence="A")) is not None


def _ideal(phi: float, psi: float, residues: int) -> np.ndarray:
    """A backbone with the same torsions everywhere, by the NeRF construction."""

    def place(a: np.ndarray, b: np.ndarray, c: np.ndarray, *bond: float) -> np.ndarray:
        length, angle, torsion = bond[0], np.radians(bond[1]), np.radians(bond[2])
        along = (c - b) / np.linalg.norm(c - b)
        normal = np.cross(b - a, along)
        normal /= np.linalg.norm(normal)
        frame = np.stack([along, np.cross(normal, along), normal])
        local = [-np.cos(angle), np.sin(angle) * np.cos(torsion), np.sin(angle) * np.sin(torsion)]
        return c + length * np.array(local) @ frame

    nitrogen, alpha = np.zeros(3), np.array([1.458, 0, 0])
    carbon = place(np.array([0, 1.0, 0]), nitrogen, alpha, 1.525, 111, phi)
    chain = []
    for _ in range(residues):
        oxygen = place(nitrogen, alpha, carbon, 1.231, 120.5, psi + 180)
        chain.append([nitrogen, alpha, carbon, oxygen])
        following = place(nitrogen, alpha, carbon, 1.329, 116.6, psi)
        next_alpha = place(alpha, carbon, following, 1.458, 121.7, 180)
        carbon = place(carbon, following, next_alpha, 1.525, 111, phi)
        nitrogen, alpha = following, next_alpha
    return np.array(chain, dtype=np.float32)


def test_backbone_geometry_finds_the_torsions_of_a_helix() -> None:
    """All residues of an ideal helix (phi -57, psi -47) fall into one Ramachandran bin."""
    (row,) = embed("backbone-geometry", Sample(id="helix", backbone=_ideal(-57, -47, 30)))
    place = int(np.argmax(row[:144]))
    assert row[place] == pytest.approx(1)
    assert divmod(place, 12) == ((180 - 57) // 30, (180 - 47) // 30)


def test_backbone_geometry_tells_a_helix_from_a_strand() -> None:
    """A helix has a contact four residues on, a strand has not."""
    helix, strand = embed(
        "backbone-geometry",
        Sample(id="helix", backbone=_ideal(-57, -47, 30)),
        Sample(id="strand", backbone=_ideal(-120, 130, 30)),
    )
    contacts = slice(144, 156)
    assert helix[contacts][2] == pytest.approx(26 / 30)
    assert strand[contacts][2] == 0


def test_backbones_too_short_or_with_gaps_in_them_are_refused() -> None:
    """Torsions need four residues, and coordinates."""
    model = loading.load(catalogue.card("backbone-geometry"))
    chain = _ideal(-57, -47, 6)
    assert model.refuse(Sample(id="s", backbone=chain[:3])) == "has 3 residues, torsions need 4"
    chain[2, 1, 0] = np.nan
    assert model.refuse(Sample(id="s", backbone=chain)) is not None


@pytest.mark.zoo
def test_soap_sees_a_neighbour_within_its_cutoff_only() -> None:
    """A second atom matters at 3 Å, and no longer at 9 Å."""
    if reason := loading.unavailable(catalogue.card("soap")):
        pytest.skip(reason)
    alone = Sample(id="alone", atoms=Atoms("O", positions=[(0, 0, 0)]))
    near, far = (
        Sample(id=f"{gap}", atoms=Atoms("OO", positions=[(0, 0, 0), (gap, 0, 0)]))
        for gap in (3.0, 9.0)
    )
    rows = embed("soap", alone, near, far)
    np.testing.assert_allclose(rows[2], rows[0], atol=1e-6)
    assert np.linalg.norm(rows[1] - rows[0]) > 0.01 * np.linalg.norm(rows[0])
