"""Energies that the potentials of the zoo predict, for the paper's measure of performance.

The paper compares predicted with reference energies after taking a linear fit on composition off
each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from pytest_matalign.analysis.interval import Interval, ratio_interval
from pytest_matalign.analysis.probes import composition_fit
from pytest_matalign.embeddings.extraction import one_thread
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo.adapter import load_here, missing_packages
from pytest_matalign.zoo.card import ModelCard
from pytest_matalign.zoo.model import EnergyModel

ENERGIES_VERSION = 2


def energy_error(predicted: Float64, reference: Float64, composition: Float64) -> Interval:
    """Return the mean absolute error after a composition fit on each side.

    arXiv 2512.03750's measure: both sides lose what is linear in composition, so models of
    different reference energies can be compared. Each model's own systematic error by element
    is forgiven with it.

    Args:
        predicted: Energies per atom (n,).
        reference: Energies per atom (n,), in the same unit.
        composition: Fractions (n, elements).
    """
    wrong = composition_fit(composition, predicted) - composition_fit(composition, reference)
    return ratio_interval(np.abs(wrong), np.ones_like(wrong))


def predicts_energies(card: ModelCard) -> bool:
    """Whether a model is a potential that can be asked for energies in this process."""
    return bool(card.energies and card.level_of_theory) and not missing_packages(card)


def predicted_energies(card: ModelCard, samples: Sequence[Sample]) -> Float64:
    """Return energies per atom (n,) in eV.

    Raises:
        UnavailableError: The model cannot be loaded here.
        ConfigurationError: It is no potential.
    """
    with one_thread():
        model = load_here(card)
        if not isinstance(model, EnergyModel):
            raise ConfigurationError(f"{card.id}: its adapter computes no energies.")
        return np.array([model.energy(_atoms(s)) / len(_atoms(s)) for s in samples])


def _atoms(sample: Sample) -> Atoms:
    assert sample.atoms is not None, "energies are asked of splits with structures only"
    return sample.atoms
