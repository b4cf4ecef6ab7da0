"""Bounds that are read off real models, not chosen: how far apart good siblings lie.

`python benchmarks/gate_bank.py --bounds` reads them off the bundled packs and a test compares.
Each is the upper 95 % prediction limit for one more family (Student's t over the families'
largest values, over all ordered pairs of trained siblings and all splits), or the largest that was
seen where that is larger: what a good sibling does is no harm. Nine families have siblings in the
packs (admet-ai, ani, chgnet, crystal-twins, m3gnet, mace, proteinmpnn, sevennet, tensornet; models
of another kind of target are none), so one more may well differ more.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

NORM_SPREAD = 0.58
"""Of |log2| of the ratio of two siblings' deviations of the logarithm of row norms."""
DIRECTIONS = 1.52
"""Of |log2| of the ratio of the numbers of directions that hold 99.9 % of the variance."""
TORN = 0.03
"""Of the share of samples torn from their neighbourhoods between siblings."""


def prediction_limit(values: Sequence[float], *, level: float = 0.95) -> float:
    """Return the upper prediction limit for one more value drawn like these.

    mean + t sd sqrt(1 + 1/m), normal theory (Hahn and Meeker 1991, section 4.7).

    Raises:
        ConfigurationError: Fewer than two values.
    """
    from scipy.special import stdtrit

    m = len(values)
    if m < 2:
        raise ConfigurationError(f"a prediction limit needs at least 2 values, not {m}.")
    mean = sum(values) / m
    sd = math.sqrt(sum((value - mean) ** 2 for value in values) / (m - 1))
    return mean + float(stdtrit(m - 1, level)) * sd * math.sqrt(1 + 1 / m)
