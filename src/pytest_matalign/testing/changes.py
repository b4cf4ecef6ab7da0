"""Changes of a sample that leave it the same molecule, crystal or protein."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.splits.sample import Sample

if TYPE_CHECKING:
    from ase import Atoms

_TURN = 2.0
"""rad, about an axis along no lattice vector."""
_AXIS = (0.36, 0.48, 0.8)
_SHIFT = (1.3, -2.1, 0.7)
"""Å."""


def same_but_for_the_name(sample: Sample) -> Sample:
    """The inputs alone: another id, no labels, and of `atoms.info` the charge only."""
    return Sample(
        id=f"{sample.id} renamed",
        atoms=_bare(sample.atoms) if sample.atoms is not None else None,
        smiles=sample.smiles,
        sequence=sample.sequence,
        backbone=sample.backbone,
    )


def reordered(sample: Sample) -> Sample:
    """The atoms in another order."""
    assert sample.atoms is not None
    order = np.random.default_rng(0).permutation(len(sample.atoms))
    return replace(sample, atoms=_bare(sample.atoms)[order])


def rotated(sample: Sample) -> Sample:
    """Positions, cell and backbone turned about an axis through the origin."""
    turn = rotation(_TURN, _AXIS)
    atoms, backbone = sample.atoms, sample.backbone
    if atoms is not None:
        moved = _bare(atoms)
        moved.positions = atoms.positions @ turn.T
        moved.cell[:] = atoms.cell.array @ turn.T
        atoms = moved
    if backbone is not None:
        backbone = (backbone.astype(np.float64) @ turn.T).astype(np.float32)
    return replace(sample, atoms=atoms, backbone=backbone)


def translated(sample: Sample) -> Sample:
    """Positions and backbone moved as a whole; a crystal's atoms are put back into the cell."""
    atoms, backbone = sample.atoms, sample.backbone
    if atoms is not None:
        moved = _bare(atoms)
        moved.positions = atoms.positions + _SHIFT
        if moved.pbc.any():
            moved.wrap()
        atoms = moved
    if backbone is not None:
        backbone = (backbone.astype(np.float64) + _SHIFT).astype(np.float32)
    return replace(sample, atoms=atoms, backbone=backbone)


def doubled(sample: Sample) -> Sample:
    """The crystal in a cell of 2 x 2 x 2."""
    assert sample.atoms is not None
    return replace(sample, atoms=_bare(sample.atoms) * (2, 2, 2))


def rewritten(sample: Sample) -> Sample:
    """The molecule's SMILES begun at other atoms; unchanged where there is no other way."""
    from rdkit import Chem

    from pytest_matalign.zoo.structures import molecule_of

    assert sample.smiles is not None
    molecule = molecule_of(sample.smiles)
    if molecule is None:
        return sample
    for root in range(molecule.GetNumAtoms() - 1, -1, -1):
        text = Chem.MolToSmiles(molecule, rootedAtAtom=root, canonical=False)
        if text != sample.smiles:
            return replace(sample, smiles=text)
    return sample


def rotation(
    angle: float, axis: tuple[float, float, float]
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Rotation matrix float64 [3, 3] by Rodrigues' formula: an angle in rad about a unit vector."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]] = (
        np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross
    )
    return matrix


def _bare(atoms: Atoms) -> Atoms:
    """Structure and charge, without labels, velocities, constraints and calculators."""
    from pytest_matalign.zoo.structures import copy_of

    found = copy_of(atoms)
    if "charge" in atoms.info:
        found.info["charge"] = atoms.info["charge"]
    return found
