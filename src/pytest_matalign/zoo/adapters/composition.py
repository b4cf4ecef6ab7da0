"""Control: what a sample is made of, and nothing of how it is put together.

Fractions, not counts: the zoo's embeddings are means over atoms or residues, which do not know
the size either, and the fractions of a crystal do not depend on the cell chosen. Size has its own
control.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.zoo.adapters._support.describe import PerSample
from pytest_matalign.zoo.structures import molecule_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
ELEMENTS = 118
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


def load(card: ModelCard) -> PerSample:
    """The control has no weights."""
    del card
    return PerSample(fractions, reason=_unreadable)


def fractions(sample: Sample) -> NDArray[np.float64]:
    """Fractions of the elements (atoms, or a SMILES with its hydrogens) or of the residues.

    Returns:
        float64 [139]: 118 elements by atomic number, 20 residues by letter, all other residues.
        A sample fills the elements or the residues; the other part is zero.
    """
    counts = np.zeros(ELEMENTS + len(RESIDUES) + 1)
    if sample.atoms is not None:
        counts[:ELEMENTS] = np.bincount(sample.atoms.numbers, minlength=ELEMENTS + 1)[1:]
    elif sample.smiles is not None:
        molecule = molecule_of(sample.smiles)
        assert molecule is not None
        for atom in molecule.GetAtoms():
            counts[atom.GetAtomicNum() - 1] += 1
            counts[0] += atom.GetTotalNumHs()
    elif sample.sequence is not None:
        for letter in sample.sequence:
            place = RESIDUES.find(letter)
            counts[ELEMENTS + (place if place >= 0 else len(RESIDUES))] += 1
    total: NDArray[np.float64] = counts / counts.sum()
    return total


def _unreadable(sample: Sample) -> str | None:
    if sample.atoms is None and sample.smiles is not None and molecule_of(sample.smiles) is None:
        return "has a SMILES that RDKit cannot read"
    return None
