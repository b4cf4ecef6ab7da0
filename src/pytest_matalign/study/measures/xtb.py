"""Labels by GFN2-xTB (Bannwarth et al. 2019, doi:10.1021/acs.jctc.8b01176), for want of others.

Molecules out of distribution come without labels. A semi-empirical method labels them in a
fraction of a second each, by the optional package `tblite`. It is no ground truth: models are
compared with it on an equal footing, none of those in the zoo having been trained on it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import numpy as np

from pytest_matalign.errors import UnavailableError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo.energies import HARTREE_EV
from pytest_matalign.zoo.quiet import import_quietly

XTB_VERSION = 1
BOHR_ANGSTROM = 0.529177210903


def xtb_missing() -> str | None:
    """Why labels cannot be computed here, or None; imports nothing."""
    if importlib.util.find_spec("tblite") is not None:
        return None
    return "labels by GFN2-xTB need the package tblite, which is not installed; pip install tblite"


def gfn2_labels(samples: Sequence[Sample]) -> Float64:
    """Return energies per atom in eV and root mean square forces in eV/Å, (n, 2).

    Molecules are taken as neutral singlets. NaN where that leaves an odd electron, and where the
    self-consistent charges do not converge.

    Raises:
        UnavailableError: `tblite` is not installed.
    """
    if reason := xtb_missing():
        raise UnavailableError(f"{reason}.")
    interface = import_quietly("tblite.interface")
    failure = import_quietly("tblite.exceptions").TBLiteRuntimeError
    labels = np.full((len(samples), 2), np.nan)
    for row, sample in enumerate(samples):
        assert sample.atoms is not None, "labels are asked of splits with structures only"
        numbers = sample.atoms.numbers
        if int(numbers.sum()) % 2:
            continue
        calculator = interface.Calculator(
            "GFN2-xTB", numbers, sample.atoms.positions / BOHR_ANGSTROM
        )
        calculator.set("verbosity", 0)
        try:
            result = calculator.singlepoint()
        except failure:
            continue
        gradient = np.asarray(result.get("gradient")) * HARTREE_EV / BOHR_ANGSTROM
        labels[row, 0] = float(result.get("energy")) * HARTREE_EV / len(numbers)
        labels[row, 1] = np.sqrt((gradient**2).sum(axis=1).mean())
    return labels
