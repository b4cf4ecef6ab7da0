"""Models that are a function of one sample: descriptors and other controls without weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample


def accept(sample: Sample) -> str | None:  # noqa: ARG001  the signature of a refusal
    """Refuse nothing beyond what the card refuses."""
    return None


@dataclass(frozen=True)
class PerSample:
    """A model made of a function from one sample to a vector."""

    describe: Callable[[Sample], NDArray[np.floating]]  # Returns a vector [width] for a sample
    # Says why a sample cannot be described, or returns None
    reason: Callable[[Sample], str | None] = accept
    batch_size: int = 50  # Samples given at once; it changes no number

    def refuse(self, sample: Sample) -> str | None:
        """Say why the sample cannot be described, or return None."""
        return self.reason(sample)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), width], row by row."""
        return np.stack([self.describe(sample) for sample in samples]).astype(np.float32)
