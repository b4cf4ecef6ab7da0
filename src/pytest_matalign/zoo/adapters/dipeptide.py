"""Descriptor: dipeptide composition, the classical k-mer description of a protein sequence."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.zoo.adapters._support.describe import PerSample
from pytest_matalign.zoo.adapters.composition import RESIDUES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> PerSample:
    """The control has no weights."""
    del card
    return PerSample(pairs, reason=_too_short)


def pairs(sample: Sample) -> NDArray[np.float64]:
    """Square roots of the frequencies of neighbouring residue pairs.

    Of 400 pairs a chain of 100 residues shows most at most once; the root keeps the few frequent
    ones from outweighing all others. Pairs with a letter beyond the 20 standard ones are left out.

    Returns:
        float64 [400], of norm 1.
    """
    assert sample.sequence is not None
    places = np.array([RESIDUES.find(letter) for letter in sample.sequence])
    first, second = places[:-1], places[1:]
    known = (first >= 0) & (second >= 0)
    counts = np.bincount(first[known] * 20 + second[known], minlength=400)
    rooted: NDArray[np.float64] = np.sqrt(counts / counts.sum())
    return rooted


def _too_short(sample: Sample) -> str | None:
    assert sample.sequence is not None
    standard = [letter in RESIDUES for letter in sample.sequence]
    if any(one and other for one, other in pairwise(standard)):
        return None
    return "has no two neighbouring standard residues"
