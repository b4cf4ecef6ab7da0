"""Descriptor: the geometry of a protein backbone as histograms of torsions and contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.zoo.adapters._support.describe import PerSample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
TORSION_BINS = 12
"""Bins of 30 degrees for each of phi and psi."""
SEPARATIONS = (2, 3, 4, 5, 6, 8, 11, 16, 23, 32, 64, 128, 10_000)
"""Edges of sequence separation (residues) between which contacts are counted."""
DISTANCES = np.linspace(3.0, 23.0, 11)
"""Edges in Å of the histogram of distances between alpha carbons."""
CONTACT = 8.0
"""Å between alpha carbons that count as in contact (Plaxco et al. 1998 use 6 to 8)."""
PEPTIDE_BOND = 2.0
"""Å; a longer bond between C and the next N is a gap in the chain."""


def load(card: ModelCard) -> PerSample:
    """The control has no weights."""
    del card
    return PerSample(describe, reason=_too_short)


def describe(sample: Sample) -> NDArray[np.float64]:
    """Ramachandran histogram, contacts per residue by separation, distances.

    Returns:
        float64 [144 + 12 + 10]: fractions of residues by (phi, psi), each root-scaled as
        histograms commonly are; contacts per residue in each range of sequence separation;
        fractions of alpha carbon distances. None of them changes under rotation or translation.
    """
    assert sample.backbone is not None
    chain = sample.backbone.astype(np.float64)
    return np.concatenate([np.sqrt(_ramachandran(chain)), _contacts(chain), _distances(chain)])


def _ramachandran(chain: NDArray[np.float64]) -> NDArray[np.float64]:
    nitrogen, alpha, carbon = chain[:, 0], chain[:, 1], chain[:, 2]
    bonded = np.linalg.norm(nitrogen[1:] - carbon[:-1], axis=1) < PEPTIDE_BOND
    phi = _torsion(carbon[:-2], nitrogen[1:-1], alpha[1:-1], carbon[1:-1])
    psi = _torsion(nitrogen[1:-1], alpha[1:-1], carbon[1:-1], nitrogen[2:])
    whole = bonded[:-1] & bonded[1:]
    edges = np.linspace(-np.pi, np.pi, TORSION_BINS + 1)
    counts, _, _ = np.histogram2d(phi[whole], psi[whole], bins=(edges, edges))
    fractions: NDArray[np.float64] = counts.ravel() / max(1, whole.sum())
    return fractions


def _torsion(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    third: NDArray[np.float64],
    fourth: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Dihedral angles (IUPAC sign) in radians from four arrays [n, 3] of points."""
    axis = third - second
    axis = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    before, after = first - second, fourth - third
    before = before - (before * axis).sum(1, keepdims=True) * axis
    after = after - (after * axis).sum(1, keepdims=True) * axis
    angle: NDArray[np.float64] = np.arctan2(
        (np.cross(axis, before) * after).sum(1), (before * after).sum(1)
    )
    return angle


def _pair_distances(chain: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Sequence separations and alpha carbon distances of all pairs at least two apart."""
    alpha = chain[:, 1]
    first, second = np.triu_indices(len(alpha), k=2)
    return second - first, np.linalg.norm(alpha[first] - alpha[second], axis=1)


def _contacts(chain: NDArray[np.float64]) -> NDArray[np.float64]:
    separation, distance = _pair_distances(chain)
    counts, _ = np.histogram(separation[distance < CONTACT], bins=SEPARATIONS)
    return counts / len(chain)


def _distances(chain: NDArray[np.float64]) -> NDArray[np.float64]:
    _, distance = _pair_distances(chain)
    counts, _ = np.histogram(distance, bins=DISTANCES)
    return counts / max(1, len(distance))


def _too_short(sample: Sample) -> str | None:
    assert sample.backbone is not None
    if len(sample.backbone) < 4:
        return f"has {len(sample.backbone)} residues, torsions need 4"
    if not np.isfinite(sample.backbone).all():
        return "has backbone atoms without coordinates"
    return None
