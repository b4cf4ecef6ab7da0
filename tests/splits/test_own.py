"""A user's own files: every kind that is read, and what is said of what cannot be."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.io import write

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.load import load_split
from pytest_matalign.splits.own import own_samples
from pytest_matalign.splits.sample import Sample

NAMES = {
    "A": "ALA", "R": "ARG", "N": "ASN", "D": "ASP", "C": "CYS", "Q": "GLN", "E": "GLU",
    "G": "GLY", "H": "HIS", "I": "ILE", "L": "LEU", "K": "LYS", "M": "MET", "F": "PHE",
    "P": "PRO", "S": "SER", "T": "THR", "W": "TRP", "Y": "TYR", "V": "VAL",
}  # fmt: skip
SALT = bulk("NaCl", "rocksalt", 5.69)


def test_extended_xyz_keeps_its_ids(tmp_path: Path) -> None:
    """By the key `id`, by another, or numbered."""
    for name, atoms in (("salt", SALT), ("water", molecule("H2O"))):
        atoms.info = {"name": name}
        write(tmp_path / "my.xyz", atoms, format="extxyz", append=True)
    assert own_samples(tmp_path / "my.xyz", key="name").split.ids == ("salt", "water")
    assert own_samples(tmp_path / "my.xyz").split.ids == ("1", "2")


@pytest.mark.parametrize(
    ("name", "form"), [("salt.cif", "cif"), ("POSCAR", "vasp"), ("a.vasp", "vasp")]
)
def test_a_crystal_is_read_as_ase_reads_it(tmp_path: Path, name: str, form: str) -> None:
    write(tmp_path / name, SALT, format=form)
    (sample,) = own_samples(tmp_path / name).split.samples
    assert sample.atoms is not None
    assert sample.id == name.removesuffix(".cif").removesuffix(".vasp")
    assert sorted(sample.atoms.symbols) == ["Cl", "Na"]
    assert sample.atoms.get_volume() == pytest.approx(SALT.get_volume(), rel=1e-4)


def test_a_disordered_crystal_is_not_read_as_an_ordered_one(tmp_path: Path) -> None:
    """Sites that two elements share, or that are half empty, name the crystal."""
    write(tmp_path / "good.cif", SALT)
    text = (tmp_path / "good.cif").read_text()
    assert text.count("  1.0000") == 2
    (tmp_path / "half.cif").write_text(text.replace("  1.0000", "  0.5000", 1))
    found = own_samples(tmp_path)
    assert found.split.ids == ("good",)
    assert found.unread == {"half": "has partially occupied sites; give an ordered structure"}


def test_tables_of_smiles_and_sequences(tmp_path: Path) -> None:
    """Whatever the case of the column; a string that is no molecule is told of, not fatal."""
    (tmp_path / "m.csv").write_text("name,SMILES\nethanol,CCO\nbad,C1CC\n")
    (tmp_path / "m.smi").write_text("CCO ethyl alcohol\nc1ccccc1\n")
    (tmp_path / "p.tsv").write_text("id\tsequence\na\tMKV\n")
    (tmp_path / "p.fasta").write_text(">b first\nMK\nV\n")
    table = own_samples(tmp_path / "m.csv", key="name")
    assert [(one.id, one.smiles) for one in table.split.samples] == [("ethanol", "CCO")]
    assert table.unread["bad"].startswith("RDKit cannot parse the SMILES `C1CC`")
    assert own_samples(tmp_path / "m.smi").split.ids == ("ethyl alcohol", "2")
    for name in ("p.tsv", "p.fasta"):
        (protein,) = own_samples(tmp_path / name).split.samples
        assert protein.sequence == "MKV"


@pytest.fixture(scope="module")
def chain() -> Sample:
    return next(
        one for one in load_split("pdb-chains", samples=50).samples
        if set(one.sequence or "") <= set(NAMES)
    )  # fmt: skip


def test_a_pdb_file_gives_the_chain_it_holds(tmp_path: Path, chain: Sample) -> None:
    """Alternative places, a second model, and residues that are not whole are left out."""
    lines = ["MODEL        1"]
    assert chain.backbone is not None
    for number, (letter, places) in enumerate(
        zip(chain.sequence or "", chain.backbone, strict=True), start=1
    ):
        for alternative, shift in (("A", 0.0), ("B", 1.0)):
            lines += [
                _line(name, alternative, NAMES[letter], number, place + shift)
                for name, place in zip(("N", "CA", "C", "O"), places, strict=True)
            ]
    lines += [_line("CA", " ", "GLY", 9999, np.zeros(3)), "ENDMDL", "MODEL        2"]
    lines += [_line("CA", " ", "GLY", 1, np.ones(3))]
    with gzip.open(tmp_path / "1abc.pdb.gz", "wt") as file:
        file.write("\n".join(lines))
    (found,) = own_samples(tmp_path / "1abc.pdb.gz").split.samples
    assert (found.id, found.sequence) == ("1abc_A", chain.sequence)
    assert found.backbone == pytest.approx(chain.backbone, abs=1e-3)


def _line(name: str, alternative: str, kind: str, number: int, place: np.ndarray) -> str:
    x, y, z = place
    return (
        f"ATOM  {1:5d}  {name:<3s}{alternative}{kind} A{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}"
        f"  1.00  0.00           {name[0]}"
    )


def test_an_mmcif_file_of_another_writer_gives_the_chain_it_holds(
    tmp_path: Path, chain: Sample
) -> None:
    """It may end in `.cif`, as crystals do."""
    structure = pytest.importorskip("biotite.structure")
    pdbx = pytest.importorskip("biotite.structure.io.pdbx")
    assert chain.backbone is not None
    names = ("N", "CA", "C", "O")
    array = structure.AtomArray(chain.backbone.size // 3)
    array.coord = chain.backbone.reshape(-1, 3)
    array.atom_name = np.tile(names, len(chain.backbone))
    array.element = np.tile([name[0] for name in names], len(chain.backbone))
    array.res_name = np.repeat([NAMES[letter] for letter in chain.sequence or ""], 4)
    array.res_id = np.repeat(np.arange(1, len(chain.backbone) + 1), 4)
    array.chain_id = np.full(len(array.coord), "B")
    file = pdbx.CIFFile()
    pdbx.set_structure(file, array)
    file.write(tmp_path / "2xyz.cif")
    (found,) = own_samples(tmp_path / "2xyz.cif").split.samples
    assert (found.id, found.sequence) == ("2xyz_B", chain.sequence)
    assert found.backbone == pytest.approx(chain.backbone, abs=1e-3)


def test_structures_and_strings_are_taken_as_they_are() -> None:
    assert own_samples([SALT, "CCO"]).split.ids == ("1", "2")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.docx", "x", "is of no kind that is read here: .xyz"),
        ("a.csv", "name,formula\nx,NaCl\n", "has no column smiles or canonical_smiles or sequence"),
        ("a.cif", "nothing", "cannot be read as cif"),
        ("a.smi", "C1CC a\n", "holds no sample that can be read: RDKit cannot parse"),
        ("a.smi", "CC a\nCCC a\n", "the id `a` occurs twice"),
        ("a.pdb", "ATOM  " + "x" * 60, "is not a position of three numbers"),
        ("a.xyz", "", "holds no sample that can be read: it is empty"),
        ("absent.xyz", None, "there is no such file or folder"),
    ],
)
def test_a_faulty_file_is_refused_in_one_sentence(
    tmp_path: Path, name: str, text: str | None, sentence: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=sentence):
        own_samples(tmp_path / name)
