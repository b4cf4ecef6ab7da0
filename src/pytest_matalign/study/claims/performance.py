"""Performance of models on a split: predicted energies where there are readers, and probes."""

from __future__ import annotations

import numpy as np

from pytest_matalign.analysis.interval import Interval
from pytest_matalign.analysis.probes import ProbeMethod
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.splits.sample import Sample
from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.measures.energies import energy_error
from pytest_matalign.study.plan import CRYSTALS, ELEMENTS, MOLECULES
from pytest_matalign.zoo.energies import HARTREE_EV


def reference_energies(data: SplitData) -> Float64:
    """Return labelled energies per atom (n,) in eV; raises as `reference_energy`."""
    return np.array([reference_energy(data.split, sample) for sample in data.samples])


def reference_energy(split: str, sample: Sample) -> float:
    """Return the labelled energy per atom of a sample in eV.

    Formation energies of crystals, total energies of elements in motion; electronic energies (U0
    without zero-point energy) of QM9.

    Raises:
        ConfigurationError: The split has no energies.
    """
    label, parent = sample.labels, split.partition("@")[0]
    if parent == CRYSTALS:
        return float(label["formation_energy_eV"])
    if parent == ELEMENTS:
        return float(label["energy_eV"])
    if parent == MOLECULES and sample.atoms is not None:
        total = float(label["U0_Ha"]) - float(label["zpve_Ha"])
        return total * HARTREE_EV / len(sample.atoms)
    raise ConfigurationError(f"Split {split} has no energies to compare predictions with.")


def energy_errors(study: Study, data: SplitData) -> dict[str, Interval]:
    """Return the mean absolute error after a composition fit, in eV per atom, by potential.

    Empty where the plan asks for no energies.
    """
    if not study.plan.energies:
        return {}
    return errors_against(reference_energies(data), study, data)


def errors_against(reference: Float64, study: Study, data: SplitData) -> dict[str, Interval]:
    """Return the error of each potential against energies per atom (n,) in eV."""
    found = {}
    for model in data.trained:
        try:
            by_sample = study.source.energies(model, study.plan.split(data.split))
        except UnavailableError:
            continue  # a language model has no energies; its probes are its performance
        predicted = np.array([by_sample[name] for name in data.ids], dtype=np.float64)
        found[model] = energy_error(predicted, reference, data.embeddings["composition"])
    return found


def probe_errors(study: Study, data: SplitData, *, method: ProbeMethod) -> dict[str, float]:
    """Return the mean over labels of the variance left unexplained, by pretrained model."""
    taken = study.probes(data, method)
    return {
        model: float(np.mean([1 - one.score.value for one in taken[model].values()]))
        for model in data.trained
        if taken[model]
    }
