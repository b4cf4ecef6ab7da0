"""How many samples a decision would take."""

from __future__ import annotations

import math

FEWEST = 10
QUANTILE = 1.959963984540054
"""Half-width of a 95 % interval in standard errors."""
POWER_QUANTILE = 0.8416212335729143
"""What 80 % of normal deviates stay below."""


def samples_needed(
    margin: float, half_width: float, *, n: int, quantile: float = QUANTILE
) -> int | None:
    """Return the samples that decide with a chance of 80 %, if the margin is what it seems.

    At so many the interval is narrower by the root of their number, and the margin found varies: on
    average it must exceed the half-width by .84 standard errors. None where no number would do.

    Args:
        margin: From the value to the bound.
        half_width: Of the interval at n samples.
        n: Samples.
        quantile: Half-width in standard errors.
    """
    if half_width == 0:
        return n
    if margin == 0:
        return None
    ratio = half_width * (1 + POWER_QUANTILE / quantile) / abs(margin)
    # Not one sample more for the last bit of a quotient.
    return max(FEWEST, math.ceil(n * ratio**2 - 1e-6))
