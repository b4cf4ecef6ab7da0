"""The splits in the package are whole, licensed, and what their cards say."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from pytest_matalign import load_split, split_cards
from pytest_matalign.splits.build.order import fixed_order
from pytest_matalign.splits.card import CARDS

DATA = CARDS.parent / "data"


@pytest.mark.parametrize("name", list(split_cards()))
def test_a_bundled_split_is_what_its_card_says(name: str) -> None:
    """Count, inputs, labels, order and fingerprint all agree with the card."""
    split = load_split(name)
    card = split.card
    assert len(split) == card.count
    assert split.fingerprint == card.fingerprint
    assert len(set(split.ids)) == len(split)
    for sample in split.samples:
        assert all(getattr(sample, form) is not None for form in card.inputs)
        assert set(sample.labels) <= set(card.labels)
        assert all(
            isinstance(value, str) == (card.labels[label].unit == "text")
            for label, value in sample.labels.items()
        )


@pytest.mark.parametrize("name", sorted(set(split_cards()) - {"mp-perturbed", "qm9-perturbed"}))
def test_the_order_is_the_seeded_one(name: str) -> None:
    """No sample stands where it does by size, date or chance of a listing."""
    split = load_split(name)
    assert split.card.seed is not None
    assert list(split.ids) == fixed_order(list(split.ids), split.card.seed)


@pytest.mark.parametrize("name", list(split_cards()))
def test_a_smaller_run_is_a_prefix_of_a_larger_one(name: str) -> None:
    """`--matalign-samples N` takes the first N."""
    small, large = load_split(name, samples=7), load_split(name, samples=20)
    assert small.ids == large.ids[:7]
    assert [a.digest for a in small.samples] == [b.digest for b in large.samples[:7]]
    assert small.fingerprint != large.fingerprint


def test_more_samples_than_there_are_give_all() -> None:
    """One number of samples may serve splits of different sizes."""
    assert len(load_split("core-mofs", samples=100_000)) == 500


@pytest.mark.parametrize("name", list(split_cards()))
def test_every_data_file_has_licence_and_provenance_beside_it(name: str) -> None:
    """The note travels with the file."""
    card = split_cards()[name]
    note = (CARDS / f"{card.file}.licence.txt").read_text("utf-8")
    assert card.licence in note
    assert card.provenance in note
    assert card.citation is not None
    assert card.citation in note


def test_the_data_stay_small_and_no_file_is_orphaned() -> None:
    """Six megabytes in all, every file claimed by a card."""
    files = {file for file in DATA.iterdir() if not file.name.endswith(".licence.txt")}
    assert sum(file.stat().st_size for file in files) < 6_000_000
    claimed = {(CARDS / card.file).resolve() for card in split_cards().values()}
    assert {file.resolve() for file in files} == claimed


def test_a_thousand_crystals_load_quickly() -> None:
    """Well under 1.5 s; the fastest of three, because the machine may be busy."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        load_split("mp-crystals")
        times.append(time.perf_counter() - begin)
    assert min(times) < 1.5


def test_crystals_are_periodic_and_molecules_are_not() -> None:
    """Cells in Å for the ones, none for the others."""
    crystals, molecules = load_split("mp-crystals", samples=50), load_split("qm9", samples=50)
    assert all(s.atoms is not None and s.atoms.pbc.all() for s in crystals.samples)
    assert all(s.atoms is not None and s.atoms.cell.volume > 1 for s in crystals.samples)
    assert all(s.atoms is not None and s.atoms.cell.rank == 0 for s in molecules.samples)


def test_perturbed_crystals_share_no_formula_with_the_equilibrium_ones() -> None:
    """Out-of-distribution by composition too, half rattled and half compressed."""

    def formulas(name: str) -> set[str]:
        found = (s.atoms for s in load_split(name).samples)
        return {a.symbols.formula.reduce()[0].format("hill") for a in found if a is not None}

    assert not formulas("mp-crystals") & formulas("mp-perturbed")
    kinds = [s.labels["kind"] for s in load_split("mp-perturbed").samples]
    assert kinds.count("rattled") == kinds.count("compressed") == 500
    assert kinds[:4] == ["rattled", "compressed"] * 2


def test_every_ligand_is_larger_than_any_molecule_of_qm9() -> None:
    """What makes the ligands out-of-distribution, as their card says."""

    def heavy(name: str) -> list[int]:
        found = (s.atoms for s in load_split(name).samples)
        return [int((a.numbers != 1).sum()) for a in found if a is not None]

    assert max(heavy("qm9")) == 9
    assert min(heavy("ccd-ligands")) >= 10


def test_backbones_have_the_bond_lengths_of_proteins() -> None:
    """Medians of N-CA 1.46, CA-C 1.52, C-O 1.23 and C-N(+1) 1.33 Å (Engh & Huber 1991)."""
    bonds: list[list[np.ndarray]] = [[], [], [], []]
    for sample in load_split("pdb-chains", samples=100).samples:
        assert sample.backbone is not None
        assert sample.sequence is not None
        assert sample.backbone.shape == (len(sample.sequence), 4, 3)
        nitrogen, alpha, carbon, oxygen = sample.backbone.transpose(1, 0, 2)
        pairs = ((nitrogen, alpha), (alpha, carbon), (carbon, oxygen), (carbon[:-1], nitrogen[1:]))
        for kept, (first, second) in zip(bonds, pairs, strict=True):
            kept.append(np.linalg.norm(first - second, axis=1))
    medians = [float(np.median(np.concatenate(kept))) for kept in bonds]
    assert medians == pytest.approx([1.46, 1.525, 1.23, 1.33], abs=0.01)


def test_dssp_fractions_follow_from_the_dssp_string() -> None:
    """Helix is H, G, I and strand is E, B."""
    for sample in load_split("pdb-chains", samples=50).samples:
        dssp = str(sample.labels["dssp"])
        assert len(dssp) == len(sample.sequence or "")
        helix = sum(dssp.count(state) for state in "HGI") / len(dssp)
        assert sample.labels["helix_fraction"] == pytest.approx(helix, abs=1e-4)


@pytest.mark.parametrize("name", ["qm9", "ccd-ligands", "mp-crystals"])
def test_ase_reads_the_same_structures(name: str) -> None:
    """Our quick reader and ASE agree on every number and every SMILES."""
    from ase.io import read

    split = load_split(name, samples=40)
    file = str(Path(CARDS / split.card.file))
    for sample, other in zip(split.samples, read(file, ":40", format="extxyz"), strict=True):
        assert sample.atoms is not None
        assert str(other.info["id"]) == sample.id
        assert other.symbols.formula == sample.atoms.symbols.formula
        np.testing.assert_array_equal(other.positions, sample.atoms.positions)
        np.testing.assert_allclose(other.cell.array, sample.atoms.cell.array, atol=1e-12)
        assert other.info.get("smiles") == sample.smiles


@pytest.mark.parametrize("name", ["qm9", "ccd-ligands"])
def test_smiles_parse_and_describe_the_molecule(name: str) -> None:
    """RDKit reads every SMILES and finds the composition of the 3D structure."""
    from pytest_matalign.splits.build.order import smiles_fits_atoms

    for sample in load_split(name, samples=200).samples:
        smiles_fits_atoms(sample)
