"""Descriptor: physico-chemical properties of a molecule by RDKit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.zoo.adapters._support.describe import PerSample
from pytest_matalign.zoo.adapters.morgan import unreadable
from pytest_matalign.zoo.structures import molecule_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
APART = True
"""MolLogP and qed make a hundred substructure searches, each of which takes SIGINT over."""

PROPERTIES: tuple[tuple[str, float, float], ...] = (
    ("MolWt", 131.1, 129.3),
    ("HeavyAtomCount", 9, 8.584),
    ("MolLogP", 1.043, 1.879),
    ("MolMR", 37.79, 34.86),
    ("TPSA", 52.86, 38.34),
    ("LabuteASA", 56.68, 52.07),
    ("FractionCSP3", 0.5, 0.3512),
    ("NumHDonors", 1, 1.171),
    ("NumHAcceptors", 3, 1.951),
    ("NumRotatableBonds", 2, 2.731),
    ("NumHeteroatoms", 4, 3.121),
    ("NHOHCount", 1, 1.561),
    ("NOCount", 3, 2.731),
    ("RingCount", 2, 1.171),
    ("NumAromaticRings", 1, 1.171),
    ("NumAliphaticRings", 1, 1.171),
    ("NumSaturatedRings", 1, 1.171),
    ("NumAromaticHeterocycles", 0, 0.7803),
    ("NumAliphaticHeterocycles", 0, 0.7803),
    ("NumValenceElectrons", 54, 46.82),
    ("MaxEStateIndex", 10.35, 3.01),
    ("MinEStateIndex", -0.2592, 1.577),
    ("HallKierAlpha", -1.08, 1.245),
    ("Kappa1", 7.761, 6.74),
    ("Kappa2", 3.286, 3.177),
    ("Kappa3", 1.89, 1.966),
    ("BalabanJ", 2.135, 0.59),
    ("BertzCT", 226.9, 404.5),
    ("Chi0v", 6.142, 5.241),
    ("Chi1v", 3.809, 3.343),
    ("Chi2v", 3.505, 2.792),
    ("Chi3v", 2.766, 2.097),
    ("qed", 0.4946, 0.1628),
)
"""RDKit's name, centre and scale of each property.

The centres are medians, the scales the distance from the 10th to the 90th percentile over 2.563 (a
normal distribution's standard deviation), measured with RDKit 2026.3.6 on 2,000 molecules of QM9
and 2,000 of the Chemical Component Dictionary. They are constants: a sample's vector must not
depend on the samples beside it.
"""
LIMIT = 10.0
"""Standardised values are cut here, so that one outlying property cannot be the whole vector."""


def load(card: ModelCard) -> PerSample:
    """The control has no weights; width 33."""
    del card
    from rdkit.Chem import Descriptors

    functions = dict(Descriptors.descList)
    centre = np.array([row[1] for row in PROPERTIES])
    scale = np.array([row[2] for row in PROPERTIES])

    def describe(sample: Sample) -> NDArray[np.float64]:
        assert sample.smiles is not None
        molecule = molecule_of(sample.smiles)
        values = np.array([functions[name](molecule) for name, _, _ in PROPERTIES])
        standard: NDArray[np.float64] = np.clip((values - centre) / scale, -LIMIT, LIMIT)
        return standard

    return PerSample(describe, reason=unreadable)
