"""Forms of molecules and crystals that several adapters need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ase import Atoms
    from rdkit.Chem import Mol

VACUUM = 8.0
"""Å on every side of a molecule put in a box: beyond the reach of any model's cutoff."""


def boxed(atoms: Atoms) -> Atoms:
    """A periodic copy: crystals as they are, molecules centred in a box with vacuum.

    Directions that are not periodic (a slab's normal, all three of a molecule) get `VACUUM` Å on
    either side and become periodic, for models that know periodic structures only.
    """
    whole: Any = copy_of(atoms)
    open_axes = [axis for axis in range(3) if not atoms.pbc[axis]]
    if open_axes:
        whole.center(vacuum=VACUUM, axis=open_axes)
        whole.pbc = True
    return whole  # type: ignore[no-any-return]  # ASE's methods carry no types


def with_volume(atoms: Atoms) -> Atoms:
    """A copy whose cell has a volume, if it is periodic in any direction at all.

    A slab may come without a cell vector along its normal, in which no package computes fractional
    coordinates; it gets one that leaves `VACUUM` Å on either side. Flags stay as they are.
    """
    whole: Any = copy_of(atoms)
    lacking = [
        axis for axis in range(3) if not atoms.pbc[axis] and not atoms.cell.array[axis].any()
    ]
    if atoms.pbc.any() and lacking:
        whole.center(vacuum=VACUUM, axis=lacking)
    return whole  # type: ignore[no-any-return]  # ASE's methods carry no types


def copy_of(atoms: Atoms) -> Atoms:
    """A copy of the structure alone, without labels, calculators and constraints."""
    from ase import Atoms

    return Atoms(
        numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell.array, pbc=atoms.pbc
    )


def molecule_of(smiles: str) -> Mol | None:
    """RDKit's molecule of a SMILES, or None without a word on stderr if it cannot be read."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        return Chem.MolFromSmiles(smiles)
