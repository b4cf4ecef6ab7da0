"""Descriptor: SOAP (Bartók et al. 2013, doi:10.1103/PhysRevB.87.184115) by DScribe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.zoo.adapters._support.describe import PerSample
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.structures import with_volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> PerSample:
    """Power spectra averaged over atoms, for molecules and crystals.

    The spectrum is compressed to one partner species at a time (`mu1nu1` of Darby et al. 2022,
    doi:10.1038/s41524-022-00847-y): the full one has a block for each pair of the card's elements.
    Options: `r_cut` in Å, `n_max`, `l_max`, `sigma` in Å.
    """
    soap = import_quietly("dscribe.descriptors").SOAP
    with quiet():
        settings = {name: card.options[name] for name in ("r_cut", "n_max", "l_max", "sigma")}
        spectra = {
            periodic: soap(
                species=card.elements,
                periodic=periodic,
                compression={"mode": "mu1nu1"},
                **settings,
            )
            for periodic in (False, True)
        }

    def describe(sample: Sample) -> NDArray[np.float64]:
        assert sample.atoms is not None
        local = spectra[bool(sample.atoms.pbc.any())].create(with_volume(sample.atoms))
        mean: NDArray[np.float64] = np.asarray(local).mean(0)
        return mean

    return PerSample(describe)
