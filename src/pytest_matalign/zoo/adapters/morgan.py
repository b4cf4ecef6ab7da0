"""Descriptor: Morgan fingerprints (Rogers and Hahn 2010, doi:10.1021/ci100050t) by RDKit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_matalign.zoo.adapters._support.describe import PerSample
from pytest_matalign.zoo.structures import molecule_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> PerSample:
    """Counts of atom environments up to `radius` bonds, folded to `width` bins."""
    from rdkit.Chem import rdFingerprintGenerator

    generator: Any = rdFingerprintGenerator.GetMorganGenerator(
        radius=int(card.options["radius"]), fpSize=int(card.options["width"])
    )

    def describe(sample: Sample) -> NDArray[np.floating]:
        assert sample.smiles is not None
        counts: NDArray[np.floating] = generator.GetCountFingerprintAsNumPy(
            molecule_of(sample.smiles)
        )
        return counts

    return PerSample(describe, reason=unreadable)


def unreadable(sample: Sample) -> str | None:
    """Refuse a SMILES that RDKit cannot read."""
    assert sample.smiles is not None
    if molecule_of(sample.smiles) is None:
        return "has a SMILES that RDKit cannot read"
    return None
