"""Control: composition by learned vectors of the elements, in place of their fractions alone."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.zoo.adapters._support.describe import PerSample
from pytest_matalign.zoo.adapters.composition import ELEMENTS, fractions
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> PerSample:
    """Read a table of element vectors: a line a symbol, in CSV with a head."""
    from ase.data import atomic_numbers

    (path,) = weight_files(card)
    with path.open(encoding="utf-8", newline="") as stream:
        lines = [line for line in csv.reader(stream) if line[0] in atomic_numbers]
    table = np.zeros((ELEMENTS, len(lines[0]) - 1))
    for symbol, *numbers in lines:
        table[atomic_numbers[symbol] - 1] = [float(number) for number in numbers]

    def describe(sample: Sample) -> NDArray[np.float64]:
        mean: NDArray[np.float64] = fractions(sample)[:ELEMENTS] @ table
        return mean

    return PerSample(describe)
