"""Protein chains of PDB and mmCIF files: sequence, and backbone where it is whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.splits.text import lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BACKBONE = ("N", "CA", "C", "O")
_THREE = (
    "ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL SEC PYL MSE"
)
_LETTERS = dict(zip(_THREE.split(), "ARNDCQEGHILKMFPSTWYVUOM", strict=True))
_WORD = re.compile(r"""'(?:[^']|'(?=\S))*'|"(?:[^"]|"(?=\S))*"|\S+""")


class _Atom(NamedTuple):
    model: str
    chain: str
    residue: str  # Number with insertion code
    kind: str  # Three letters
    name: str
    position: tuple[float, float, float]  # Å


def read_chains(path: Path) -> Iterator[tuple[str, Sample]]:
    """Read every protein chain of the first model of a file, plain or `.gz`.

    A residue is taken where its N, CA, C and O are there, at the first of alternative places; one
    that is none of the twenty, U, O and selenomethionine becomes X. Chains are called by file and
    chain, as `1abc_A`. (Formats: wwPDB 3.3, columns of ATOM; PDBx/mmCIF, category atom_site.)

    Raises:
        ConfigurationError: A line cannot be read, with its number, or no chain is left.
    """
    cif = ".cif" in path.suffixes or ".mmcif" in path.suffixes
    stem = path.name.removesuffix(".gz").rpartition(".")[0]
    first: str | None = None
    residues: dict[str, dict[str, tuple[str, dict[str, tuple[float, float, float]]]]] = {}
    for atom in (_cif_atoms if cif else _pdb_atoms)(path):
        first = first or atom.model
        if atom.model == first and atom.name in _BACKBONE:
            chain = residues.setdefault(atom.chain, {})
            chain.setdefault(atom.residue, (atom.kind, {}))[1].setdefault(atom.name, atom.position)
    for name, chain in residues.items():
        whole = [(kind, places) for kind, places in chain.values() if len(places) == 4]
        if whole:
            yield (
                f"chain {name}",
                Sample(
                    id=f"{stem}_{name}",
                    sequence="".join(_LETTERS.get(kind, "X") for kind, _ in whole),
                    backbone=np.array([[p[n] for n in _BACKBONE] for _, p in whole], np.float32),
                ),
            )


def _pdb_atoms(path: Path) -> Iterator[_Atom]:
    model = "1"
    for number, line in lines(path):
        if line.startswith("MODEL"):
            model = line[5:].strip()
        if line.startswith("ATOM") or (line.startswith("HETATM") and line[17:20] == "MSE"):
            places = (line[30:38], line[38:46], line[46:54])
            yield _Atom(
                model,
                line[21:22].strip() or "_",
                line[22:27].strip(),
                line[17:20].strip(),
                line[12:16].strip(),
                _position(places, f"{path}, line {number}"),
            )


def _cif_atoms(path: Path) -> Iterator[_Atom]:
    columns: list[str] = []
    for number, line in lines(path):
        if line.startswith("_atom_site."):
            columns.append(line.split()[0].removeprefix("_atom_site."))
        elif columns and line.startswith(("ATOM", "HETATM")):
            words = [
                word.strip("'\"") if word[0] in "'\"" else word for word in _WORD.findall(line)
            ]
            where = f"{path}, line {number}"
            if len(words) != len(columns):
                raise ConfigurationError(
                    f"{where}: {len(words)} values where atom_site has {len(columns)} columns."
                )
            row = dict(zip(columns, words, strict=True))
            kind = row.get("label_comp_id", row.get("auth_comp_id", ""))
            if row["group_PDB"] == "ATOM" or kind == "MSE":
                yield _Atom(
                    row.get("pdbx_PDB_model_num", "1"),
                    row.get("auth_asym_id") or row.get("label_asym_id", "_"),
                    f"{row.get('auth_seq_id') or row.get('label_seq_id')}"
                    f"{row.get('pdbx_PDB_ins_code', '?').strip('?.')}",
                    kind,
                    row.get("label_atom_id") or row.get("auth_atom_id", ""),
                    _position((row["Cartn_x"], row["Cartn_y"], row["Cartn_z"]), where),
                )
        elif columns and line.startswith(("#", "loop_", "data_")):
            columns = []


def _position(words: tuple[str, str, str], where: str) -> tuple[float, float, float]:
    try:
        x, y, z = (float(word) for word in words)
    except ValueError:
        raise ConfigurationError(
            f"{where}: {' '.join(words)!r} is not a position of three numbers in Å."
        ) from None
    return x, y, z
