"""Molecules from the packages qm9pack 1.0.3 (QM9) and biotite 1.6.0 (CCD)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pytest_matalign.splits.build.archive import read_member
from pytest_matalign.splits.build.order import (
    Filter,
    RejectedError,
    first_accepted,
    one_per,
    rejecting,
    structure,
)
from pytest_matalign.splits.perturb import rattle, rng_for
from pytest_matalign.splits.sample import Sample

_QM9_LABELS = {
    "Dipole_debye": "mu_D",
    "Polarizability_bohr3": "alpha_bohr3",
    "HOMO_au": "homo_Ha",
    "LUMO_au": "lumo_Ha",
    "HOMO_LUMO_gap_au": "gap_Ha",
    "R2_bohr2": "r2_bohr2",
    "ZPVE_au": "zpve_Ha",
    "InternalEnergy_0K_au": "U0_Ha",
    "Heatcapacity_Cv_cal_mol_K": "Cv_cal_per_mol_K",
}


def qm9(origin: Path) -> dict[str, Callable[[], Sample]]:
    """Candidates of the three tables of qm9pack 1.0.3, by QM9's own file names."""
    kept = ("SMILES", "Elements", "XYZ_Ang", *_QM9_LABELS)
    rows: dict[str, tuple[str, ...]] = {}
    for part in (1, 2, 3):
        text = read_member(origin, f"qm9_part{part}.csv").decode("utf-8")
        table = csv.reader(io.StringIO(text))
        header = next(table)
        columns = [header.index(name) for name in kept]
        name_at = header.index("XYZ_file")
        for row in table:
            rows[row[name_at].removesuffix(".xyz")] = tuple(row[i] for i in columns)

    def make(name: str) -> Sample:
        from ase import Atoms

        smiles, elements, positions, *numbers = rows[name]
        symbols = re.findall("[A-Z][a-z]?", elements)
        flat = np.array(re.sub(r"[\[\]]", "", positions).split(","), dtype=np.float64)
        return Sample(
            id=name,
            atoms=Atoms(symbols, positions=flat.reshape(-1, 3)),
            smiles=smiles,
            labels=dict(zip(_QM9_LABELS.values(), map(float, numbers), strict=True)),
        )

    return {name: partial(make, name) for name in rows}


def shaken(parents: Iterator[Sample], check: Filter) -> Iterator[Sample]:
    """Rattle molecules by 0.05 to 0.3 Å (uniform in the standard deviation).

    A draw that `check` rejects is repeated; a parent that fails every time is passed over.
    """
    for parent in parents:
        draw = partial(_shaken, parent, rng_for(parent.id, kind="rattled"))
        if (sample := first_accepted(draw, check)) is not None:
            yield sample


def _shaken(parent: Sample, rng: np.random.Generator) -> Sample:
    sigma = round(float(rng.uniform(0.05, 0.3)), 3)
    return Sample(
        id=f"{parent.id}-rattled",
        atoms=rattle(structure(parent), sigma, rng),
        smiles=parent.smiles,
        labels={"rattle_sigma_A": sigma},
    )


CCD_ELEMENTS = frozenset(["H", "C", "N", "O", "F", "P", "S", "Cl", "Br", "I"])


def ccd(origin: Path) -> dict[str, Callable[[], Sample]]:
    """Candidates of the Chemical Component Dictionary in biotite 1.6.0, by component id.

    Coordinates are the ideal ones; SMILES are written by RDKit from the dictionary's bonds and
    charges, with the stereochemistry of the ideal coordinates.
    """
    from biotite.structure.io.pdbx import BinaryCIFFile

    (block,) = BinaryCIFFile.read(io.BytesIO(read_member(origin, "components.bcif"))).values()
    components, atoms, bonds = (
        {key: column.data.array for key, column in block[name].items()}
        for name in ("chem_comp", "chem_comp_atom", "chem_comp_bond")
    )
    masks = [block["chem_comp_atom"][name].mask for name in _IDEAL]
    complete = np.logical_and.reduce(
        [
            np.ones(len(atoms["comp_id"]), bool) if mask is None else mask.array == 0
            for mask in masks
        ]
    )
    atom_columns = {name: atoms[name] for name in ("atom_id", "type_symbol", "charge", *_IDEAL)}
    bond_columns = {name: bonds[name] for name in ("atom_id_1", "atom_id_2", "value_order")}
    atom_spans = _spans(atoms["comp_id"])
    bond_spans = _spans(bonds["comp_id"])

    def make(name: str, kind: str, status: str) -> Sample:
        if kind.upper() != "NON-POLYMER":
            raise RejectedError("not of the type non-polymer")
        if status != "REL":
            raise RejectedError("obsolete or not released")
        span = atom_spans[name]
        if not complete[span].all():
            raise RejectedError("ideal coordinates incomplete")
        return _component(
            name,
            {key: column[span] for key, column in atom_columns.items()},
            {key: column[bond_spans.get(name, slice(0))] for key, column in bond_columns.items()},
        )

    described = zip(
        *(components[key].tolist() for key in ("id", "type", "pdbx_release_status")), strict=True
    )
    return {
        name: partial(make, name, kind, status)
        for name, kind, status in described
        if name in atom_spans
    }


_IDEAL = tuple(f"pdbx_model_Cartn_{axis}_ideal" for axis in "xyz")
_ORDERS = {"SING": 1, "DOUB": 2, "TRIP": 3}


def _spans(owners: np.ndarray[Any, Any]) -> dict[str, slice]:
    """Where each owner's rows stand; the rows of one owner are contiguous."""
    starts = np.flatnonzero(np.concatenate(([True], owners[1:] != owners[:-1])))
    ends = [*starts[1:], len(owners)]
    return {str(owners[a]): slice(int(a), int(b)) for a, b in zip(starts, ends, strict=True)}


def _component(
    name: str, atoms: Mapping[str, np.ndarray[Any, Any]], bonds: Mapping[str, np.ndarray[Any, Any]]
) -> Sample:
    from ase import Atoms
    from rdkit import Chem, Geometry, rdBase

    symbols = [str(symbol).capitalize() for symbol in atoms["type_symbol"]]
    if not set(symbols) <= CCD_ELEMENTS:
        raise RejectedError("an element beyond H C N O F P S Cl Br I")
    if atoms["charge"].sum() != 0:
        raise RejectedError("a total charge")
    positions = np.stack([atoms[key] for key in _IDEAL], axis=1)
    editable = Chem.RWMol()
    conformer = Chem.Conformer(len(symbols))
    index = {}
    for i, (symbol, label) in enumerate(zip(symbols, atoms["atom_id"], strict=True)):
        atom = Chem.Atom(symbol)
        atom.SetFormalCharge(int(atoms["charge"][i]))
        atom.SetNoImplicit(True)  # noqa: FBT003  RDKit takes it by position
        index[label] = editable.AddAtom(atom)
        conformer.SetAtomPosition(i, Geometry.Point3D(*map(float, positions[i])))
    for first, second, order in zip(*bonds.values(), strict=True):
        if order not in _ORDERS:
            raise RejectedError("a bond that is neither single, double nor triple")
        kind = Chem.BondType.values[_ORDERS[order]]
        editable.AddBond(index[first], index[second], kind)
    editable.AddConformer(conformer)
    try:
        with rdBase.BlockLogs():
            molecule = editable.GetMol()
            Chem.SanitizeMol(molecule)
            Chem.AssignStereochemistryFrom3D(molecule)
            smiles = Chem.MolToSmiles(Chem.RemoveHs(molecule))
    except (Chem.MolSanitizeException, RuntimeError) as error:
        raise RejectedError("RDKit cannot sanitize the bonds") from error
    return Sample(id=name, atoms=Atoms(symbols, positions=positions), smiles=smiles)


def heavy_atoms_between(fewest: int, most: int) -> Filter:
    """Reject molecules outside a range of atoms other than hydrogen, ends included."""
    return rejecting(
        f"not {fewest} to {most} heavy atoms",
        lambda sample: not fewest <= (structure(sample).numbers != 1).sum() <= most,
    )


def one_molecule() -> Filter:
    """Reject several molecules in one component."""
    return rejecting("several molecules", lambda sample: "." in (sample.smiles or ""))


def one_per_smiles() -> Filter:
    """Reject a molecule whose SMILES has come before."""
    return one_per("SMILES", lambda sample: sample.smiles or "")
