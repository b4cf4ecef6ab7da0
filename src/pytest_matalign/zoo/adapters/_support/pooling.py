"""Mean pooling, the one pooling the zoo uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray


def mean_by_sample(features: torch.Tensor, counts: Sequence[int]) -> NDArray[np.float32]:
    """Mean of the rows of each sample.

    Args:
        features: [sum(counts), width], the samples' rows one after the other.
        counts: Rows (atoms, tokens, residues) of each sample.

    Returns:
        float32 [len(counts), width]. The means are taken in float64, one sample at a time, so
        that they do not depend on which samples share a batch.
    """
    import torch

    parts = torch.split(features.detach().double(), list(counts))
    pooled: NDArray[np.float32] = np.stack([part.mean(0).numpy() for part in parts]).astype(
        np.float32
    )
    return pooled


def mean_of(features: torch.Tensor) -> NDArray[np.float32]:
    """Mean over the rows [rows, width] of one sample, float32 [width]; see `mean_by_sample`."""
    only: NDArray[np.float32] = mean_by_sample(features, [len(features)])[0]
    return only


def mean_by_mask(features: torch.Tensor, mask: torch.Tensor) -> NDArray[np.float32]:
    """Mean over the positions of each row where `mask` is true.

    Args:
        features: [samples, length, width].
        mask: bool [samples, length].

    Returns:
        float32 [samples, width].
    """
    return mean_by_sample(features[mask], mask.sum(1).tolist())
