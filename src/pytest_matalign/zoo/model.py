"""What an adapter must provide: a loaded model that turns samples into an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample


class Model(Protocol):
    """A model with its weights in memory, ready to embed.

    An adapter module in `zoo/adapters/` defines `ADAPTER_VERSION: int` (raised whenever its
    numbers change) and `load(card: ModelCard) -> Model`.
    """

    @property
    def batch_size(self) -> int:
        """How many samples `embed` is best given at once."""
        ...

    def refuse(self, sample: Sample) -> str | None:
        """Say in a few words why this sample is outside the model's domain, or return None."""
        ...

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), width]: the mean-pooled last hidden layer of each."""
        ...
