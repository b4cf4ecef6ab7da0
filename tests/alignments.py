"""Made-up alignments for tests of what is done with them."""

from __future__ import annotations

from typing import Any

import msgspec

from pytest_matalign.statistics.alignment import Alignment


def alignment(value: float, *, half_width: float = 0.02, **changed: Any) -> Alignment:
    """An alignment with an interval of the given half-width."""
    known = Alignment(
        metric="cknna",
        estimator="cknna-paper/1",
        k=25,
        preprocess="center-l2",
        n=500,
        value=value,
        low=value - half_width,
        high=value + half_width,
        confidence=0.95,
        null_mean=0.01,
        null_sd=0.002,
        p_value=0.0,
        calibrated=value,
    )
    return msgspec.structs.replace(known, **changed)
