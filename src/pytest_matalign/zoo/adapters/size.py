"""Control: how large a sample is, and nothing else.

One or two numbers would make an embedding of rank one, on which neighbours by angle mean nothing.
Each number is therefore spread over Gaussian bumps on its logarithm: samples of like size have
like vectors, samples of unlike size orthogonal ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.zoo.adapters._support.describe import PerSample

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
CENTRES = np.arange(0.0, 16.01, 0.25)
"""Centres of the bumps in powers of two: from 1 to 65,536."""
BUMP = 0.35
"""Standard deviation of a bump, in powers of two."""


def load(card: ModelCard) -> PerSample:
    """The control has no weights."""
    del card
    return PerSample(bumps)


def bumps(sample: Sample) -> NDArray[np.float64]:
    """Gaussian bumps on the logarithms of two sizes.

    Returns:
        float64 [130]: 65 bumps for the number of atoms, residues or SMILES characters, 65 for the
        extent (see `_extent`).
    """
    count, extent = _sizes(sample)
    levels = np.log2(np.maximum([count, extent], 1.0))
    spread: NDArray[np.float64] = np.exp(-0.5 * ((levels[:, None] - CENTRES) / BUMP) ** 2)
    return spread.ravel()


def _sizes(sample: Sample) -> tuple[float, float]:
    if sample.atoms is not None:
        return float(len(sample.atoms)), _extent(sample.atoms)
    if sample.smiles is not None:
        # Bonds, brackets and ring digits are written without letters, atoms mostly with one.
        return float(len(sample.smiles)), float(sum(map(str.isalpha, sample.smiles)))
    text = sample.sequence if sample.sequence is not None else sample.backbone
    assert text is not None
    return float(len(text)), 1.0


def _extent(atoms: Atoms) -> float:
    """Å³: the cell of a crystal, or the sphere whose radius is the radius of gyration."""
    if atoms.pbc.all():
        return float(atoms.cell.volume)
    offsets = atoms.positions - atoms.positions.mean(0)
    gyration = float(np.sqrt((offsets**2).sum(1).mean()))
    return 4.0 / 3.0 * np.pi * gyration**3
