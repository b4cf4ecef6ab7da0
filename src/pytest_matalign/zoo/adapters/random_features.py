"""Control: a random vector for each sample; whatever aligns with it does so by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.zoo.adapters._support.describe import PerSample

if TYPE_CHECKING:
    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> PerSample:
    """`width` independent standard normal numbers, drawn with `seed` and the sample's digest.

    The digest makes a vector independent of the order of the samples and of the process.
    """
    seed, width = int(card.options["seed"]), int(card.options["width"])

    def draw(sample: Sample) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        words = np.frombuffer(bytes.fromhex(sample.digest), dtype=">u4")
        return np.random.default_rng([seed, *map(int, words)]).standard_normal(width)

    return PerSample(draw)
