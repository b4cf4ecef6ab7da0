"""Element-resolved radial symmetry functions behind one fixed random layer.

A stand-in for a team's own network: it sees the same input as one (neighbours within a cutoff)
and has a hidden layer per atom, but needs no training data to be an honest example.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list

if TYPE_CHECKING:
    from ase import Atoms

CUTOFF_A = 5.0
CENTRES_A = np.linspace(1.0, CUTOFF_A, 16)


class TinyPotential:
    """Per-atom hidden features [atoms, width] of a structure."""

    def __init__(self, *, width: int = 64, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        inputs = 2 * len(CENTRES_A) + 2
        self._weights = rng.normal(size=(inputs, width)) / np.sqrt(inputs)

    def hidden(self, atoms: Atoms) -> np.ndarray:
        """Last hidden layer, [atoms, width]."""
        centre, other, distance = neighbor_list("ijd", atoms, CUTOFF_A)
        smooth = 0.5 * (np.cos(np.pi * distance / CUTOFF_A) + 1)
        shells = np.exp(-4.0 * (distance[:, None] - CENTRES_A) ** 2) * smooth[:, None]
        radius = covalent_radii[atoms.numbers]
        density = np.zeros((len(atoms), len(CENTRES_A)))
        weighted = np.zeros_like(density)
        np.add.at(density, centre, shells)
        np.add.at(weighted, centre, shells * radius[other, None])
        own = np.column_stack([radius, radius**2])
        return np.tanh(np.hstack([density, weighted, own]) @ self._weights)
