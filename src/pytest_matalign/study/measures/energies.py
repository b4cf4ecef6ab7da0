"""Energies and forces that the potentials of the zoo predict, here or in their environments.

The paper compares predicted with reference energies after taking a linear fit on composition off
each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from pytest_matalign.analysis.interval import Interval, ratio_interval
from pytest_matalign.analysis.probes import composition_fit, unseen_residuals
from pytest_matalign.embeddings.extraction import one_thread
from pytest_matalign.environments.loading import load, unavailable
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.splits.perturb import direction
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo.card import ModelCard
from pytest_matalign.zoo.model import EnergyModel

ENERGIES_VERSION = 2
STEP = 0.05
"""Å to either side along a direction of all atoms together: of each atom less than a hundredth,
and with energies in single precision a force still good to a few meV/Å."""


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


def unseen_error(predicted: Float64, reference: Float64, composition: Float64) -> Interval:
    """Return `energy_error` with each sample judged by the fit of all others.

    With a parameter an element the plain error comes out too small where samples are few. A
    sample with an element that no other has cannot be judged and is left out.

    Args:
        predicted: As `energy_error`, and so the others.
        reference: As well.
        composition: As well.
    """
    wrong = unseen_residuals(composition, predicted - reference)
    wrong = wrong[np.isfinite(wrong)]
    return ratio_interval(np.abs(wrong), np.ones_like(wrong))


def root_mean_square(wrong: Float64) -> Interval:
    """Return the root of the mean square of errors (n,), with an interval."""
    squared = ratio_interval(wrong**2, np.ones_like(wrong))
    value, low, high = (
        float(np.sqrt(max(one, 0.0))) for one in (squared.value, squared.low, squared.high)
    )
    return Interval(value=value, low=low, high=high, confidence=squared.confidence)


def predicts_energies(card: ModelCard) -> bool:
    """Whether a model is a potential that can be asked for energies on this machine."""
    return bool(card.energies and card.level_of_theory) and not unavailable(card)


def predicted_energies(
    card: ModelCard, samples: Sequence[Sample], *, allow_pickle: bool = False
) -> Float64:
    """Return energies per atom (n,) in eV.

    Raises:
        UnavailableError: The model cannot be loaded here.
        ConfigurationError: It is no potential.
        ExtractionError: Its environment fails.
    """
    with one_thread():
        model = _potential(card, allow_pickle=allow_pickle)
        return np.array([model.energy(_atoms(s)) / len(_atoms(s)) for s in samples])


def predicted_forces(
    card: ModelCard, samples: Sequence[Sample], *, allow_pickle: bool = False
) -> Float64:
    """Return the force (n,) in eV/Å along the drawn direction of each sample.

    By central differences of the energy, which every adapter has; raises as `predicted_energies`.
    """
    with one_thread():
        model = _potential(card, allow_pickle=allow_pickle)
        return np.array([_force(model, sample) for sample in samples])


def _force(model: EnergyModel, sample: Sample) -> float:
    there, back = _atoms(sample).copy(), _atoms(sample).copy()
    step = STEP * direction(sample)
    there.positions += step
    back.positions -= step
    return (model.energy(back) - model.energy(there)) / (2 * STEP)


def _potential(card: ModelCard, *, allow_pickle: bool) -> EnergyModel:
    model = load(card, allow_pickle=allow_pickle)
    if not isinstance(model, EnergyModel):
        raise ConfigurationError(f"{card.id}: its adapter computes no energies.")
    return model


def _atoms(sample: Sample) -> Atoms:
    assert sample.atoms is not None, "energies are asked of splits with structures only"
    return sample.atoms
