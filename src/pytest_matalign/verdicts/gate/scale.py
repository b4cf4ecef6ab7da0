"""What normalisation discards: row norms, directions that carry variance, single features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.analysis.shared import NEAR_CONSTANT
from pytest_matalign.verdicts.gate.bounds import DIRECTIONS, NORM_SPREAD
from pytest_matalign.verdicts.gate.finding import Finding

if TYPE_CHECKING:
    from pytest_matalign.metrics.arrays import Float64

HELD = 0.999
"""Share of the variance that the directions counted hold."""
SAME_FEATURE = 0.99
"""Correlation from which a column is the same feature: retraining does not keep columns so."""
ROUNDING = 2.0**-7
"""Spread, as a share of the largest or of the feature's own size, from which it is a feature."""
MOST = 0.9
"""Share of the candidate's features that must be the baseline's for the others to be told."""
HALF = 0.5
FACTOR = 2.0
"""By how much one feature's scale may differ from the others' where features are the same."""


def norm_spread(x: Float64) -> float:
    """Return the deviation of the logarithm of row norms (n, d) about the mean row."""
    norms = np.sqrt(((x - x.mean(axis=0)) ** 2).sum(axis=1))
    typical = float(np.median(norms)) or 1.0
    return float(np.log(np.maximum(norms / typical, 1e-12)).std())


def directions(x: Float64) -> int:
    """Return how many directions hold nearly all variance of rows (n, d)."""
    variances = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) ** 2
    held = np.cumsum(variances) / max(float(variances.sum()), 1e-300)
    return int((held < HELD).sum()) + 1


def filled(x: Float64) -> float:
    """Return the share of the directions rows (n, d) could span that carry more than rounding.

    Networks fill theirs: .77 to 1 for the 17 trained models of the bundled packs.
    """
    values = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    carried = float((values > NEAR_CONSTANT * values[0]).sum())
    return carried / float(max(1, min(len(x) - 1, x.shape[1])))


def scale(candidate: Float64, baseline: Float64) -> Finding:
    """Return whether norms, directions and features of a candidate (n, d) are still plausible."""
    spread = _log_ratio(norm_spread(candidate), norm_spread(baseline))
    now, then = directions(candidate), directions(baseline)
    held = _log_ratio(now, then)
    share, had = filled(candidate), filled(baseline)
    missing, rescaled = _features(candidate, baseline)
    figures = {
        "norm_spread": spread,
        "directions": held,
        "filled": share,
        "missing": float(missing),
        "rescaled": float(rescaled),
    }
    why = ""
    if missing:
        why = f"{missing} of {baseline.shape[1]} features are gone while the others are the same"
    elif rescaled:
        why = (
            f"{rescaled} of {baseline.shape[1]} features changed their scale by more than a factor "
            f"of {FACTOR:g} while the others are the same"
        )
    elif share < HALF * had:
        why = (
            f"only {share:.0%} of its directions carry anything, of the baseline's {had:.0%}: rows "
            "have collapsed"
        )
    elif abs(spread) > NORM_SPREAD:
        why = (
            f"row norms spread {2.0**spread:.2g} times as widely as the baseline's, siblings "
            f"between {2.0**-NORM_SPREAD:.2g} and {2.0**NORM_SPREAD:.2g} times"
        )
    elif abs(held) > DIRECTIONS:
        why = (
            f"{now} directions hold {HELD:.1%} of the variance where the baseline has {then}; "
            f"siblings differ by factors up to {2.0**DIRECTIONS:.2g}"
        )
    return Finding(
        check="scale",
        verdict="regressed" if why else "passed",
        why=f"{why}." if why else "row norms and directions are as the baseline's.",
        figures=figures,
    )


def _log_ratio(one: float, other: float) -> float:
    return float(np.log2(max(one, 1e-12) / max(other, 1e-12)))


def _features(candidate: Float64, baseline: Float64) -> tuple[int, int]:
    """Features that went missing or changed scale; told only where the others are the same."""
    new, new_spread = _columns(candidate)
    old, old_spread = _columns(baseline)
    likeness = np.abs(new.T @ old)
    kept = likeness.max(axis=1, initial=0.0) >= SAME_FEATURE
    if kept.mean() < MOST:
        return 0, 0
    missing = int((likeness.max(axis=0, initial=0.0) < SAME_FEATURE).sum())
    ratios = new_spread[kept] / old_spread[likeness.argmax(axis=1)[kept]]
    away = np.abs(np.log(ratios / np.median(ratios))) > np.log(FACTOR)
    return missing, int(away.sum())


def _columns(x: Float64) -> tuple[Float64, Float64]:
    """Return columns (n, d') that vary, centred and of unit length, and their lengths."""
    centred = x - x.mean(axis=0)
    lengths = np.sqrt((centred**2).sum(axis=0))
    sizes = np.sqrt((x**2).sum(axis=0))
    # What bfloat16 would round away, of all or of its own offset, is no feature.
    varies = (lengths > ROUNDING * lengths.max(initial=0.0)) & (lengths > ROUNDING * sizes)
    if not varies.any():
        varies[0], lengths[0] = True, 1.0
    return centred[:, varies] / lengths[varies], lengths[varies]
