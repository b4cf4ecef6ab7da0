"""Small pictures of samples as numbers: a page draws them in its own colours.

A drawing by coordinates takes a few hundred bytes where an SVG or PNG takes several thousand, so
every sample of a split can have one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.splits.sample import Sample

if TYPE_CHECKING:
    from ase import Atoms
    from rdkit.Chem import Mol

MOST_ATOMS = 400
"""Structures above this are shown without a picture."""
VIEW = "-75x,15y,10z"
"""Direction from which structures are seen, as ASE's own viewer writes rotations."""
TRACE_POINTS = 150
"""Points of a protein's trace; longer chains are thinned."""


def caption(sample: Sample) -> str:
    """Return what a sample is, in one line."""
    if sample.smiles is not None:
        return sample.smiles
    if sample.atoms is not None:
        return f"{sample.atoms.get_chemical_formula(empirical=bool(sample.atoms.pbc.any()))}"
    if sample.sequence is not None:
        return f"{len(sample.sequence)} residues: {sample.sequence[:24]}…"
    return sample.id


def picture(sample: Sample) -> dict[str, Any] | None:
    """Return a drawing of a sample, or None where there is nothing sensible to draw.

    `{"t": "mol", "a": [[x, y, label]], "b": [[i, j, order]]}` is a structural formula laid out by
    RDKit, `{"t": "atoms", "e": [symbol], "p": [[x, y, depth, element]], "c": [[x, y] * 2]}` a
    structure with the edges of its cell, turned by ASE, and `{"t": "trace", "p": [[x, y]]}` the
    course of a protein's chain; lengths are in hundredths of an Å, or of RDKit's unit.
    """
    if sample.smiles is not None:
        return _formula(sample.smiles)
    if sample.atoms is not None:
        return _structure(sample.atoms)
    return _trace(sample.backbone) if sample.backbone is not None else None


def elements(symbols: set[str]) -> dict[str, list[Any]]:
    """Return colour (`#rrggbb`) and covalent radius in Å by chemical symbol, from ASE."""
    from ase.data import atomic_numbers, covalent_radii
    from ase.data.colors import jmol_colors

    def one(symbol: str) -> list[Any]:
        number = atomic_numbers[symbol]
        colour = "".join(f"{round(255 * float(part)):02x}" for part in jmol_colors[number])
        return [f"#{colour}", round(float(covalent_radii[number]), 2)]

    return {symbol: one(symbol) for symbol in sorted(symbols)}


def _formula(smiles: str) -> dict[str, Any] | None:
    from rdkit import Chem
    from rdkit.Chem import rdDepictor

    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or molecule.GetNumAtoms() > MOST_ATOMS:
        return None
    rdDepictor.Compute2DCoords(molecule)
    Chem.Kekulize(molecule)
    places = molecule.GetConformer().GetPositions()
    return {
        "t": "mol",
        "a": [
            [round(100 * float(x)), round(-100 * float(y)), _label(molecule, index)]
            for index, (x, y, _) in enumerate(places)
        ],
        "b": [
            [bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), round(bond.GetBondTypeAsDouble())]
            for bond in molecule.GetBonds()
        ],
    }


def _label(molecule: Mol, index: int) -> str:
    """Text at an atom: none for a carbon within a skeleton, `NH`, `O-` and the like elsewhere."""
    atom = molecule.GetAtomWithIdx(index)
    symbol, charge, hydrogens = atom.GetSymbol(), atom.GetFormalCharge(), atom.GetTotalNumHs()
    if symbol == "C" and not charge and molecule.GetNumAtoms() > 1:
        return ""
    text = str(symbol) + ("" if not hydrogens else "H" if hydrogens == 1 else f"H{hydrogens}")
    sign = "+" if charge > 0 else "-"
    return text + ("" if not charge else sign if abs(charge) == 1 else f"{abs(charge)}{sign}")


def _structure(atoms: Atoms) -> dict[str, Any] | None:
    from ase.utils import rotate

    if len(atoms) > MOST_ATOMS:
        return None
    turn = rotate(VIEW)
    places = atoms.positions @ turn
    kinds = list(dict.fromkeys(atoms.get_chemical_symbols()))
    drawn: dict[str, Any] = {
        "t": "atoms",
        "e": kinds,
        "p": [
            [*(round(100 * float(v)) for v in (x, -y, z)), kinds.index(symbol)]
            for (x, y, z), symbol in zip(places, atoms.get_chemical_symbols(), strict=True)
        ],
    }
    if atoms.pbc.any():
        drawn["c"] = [
            [round(100 * float(v)) for v in (a[0], -a[1], b[0], -b[1])]
            for a, b in _cell_edges(atoms.cell.array @ turn)
        ]
    return drawn


def _cell_edges(
    cell: NDArray[np.float64],
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    corners = [np.array([i, j, k]) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    return [
        (a @ cell, b @ cell)
        for index, a in enumerate(corners)
        for b in corners[index + 1 :]
        if np.abs(a - b).sum() == 1
    ]


def _trace(backbone: NDArray[np.float32]) -> dict[str, Any]:
    """The alpha carbons along the two widest directions of the chain."""
    alphas = np.asarray(backbone[:, 1], dtype=np.float64)
    alphas = alphas[np.isfinite(alphas).all(axis=1)]
    centred = alphas - alphas.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    flat = centred @ axes.T
    step = -(-len(flat) // TRACE_POINTS)
    return {"t": "trace", "p": [[round(100 * float(v)) for v in point] for point in flat[::step]]}
