"""Hold an alignment against that of the candidate's earlier release.

With loss meaning alignment lost and t the loss still tolerated: regressed where the whole interval
of the loss is above t, improved where it is below -t, undecided where it straddles t, and
unchanged otherwise. Equal embeddings lose exactly 0, with an interval of no width.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_matalign.statistics.alignment import Difference
from pytest_matalign.statistics.power import samples_needed
from pytest_matalign.verdicts.expectations import one_sided_p
from pytest_matalign.verdicts.records import BaselineOutcome

if TYPE_CHECKING:
    from pytest_matalign.verdicts.baseline import BaselineRow
    from pytest_matalign.verdicts.verdict import Verdict

TOLERANCE = 0.02
"""Loss of alignment, on the metrics' scale of 0 to 1, that a release may have by default."""

SAME = 1e-6
"""Numbers that differ by less are those of one embedding, computed on two machines."""


def judge_difference(
    difference: Difference,
    *,
    value: float,
    tolerance: float,
    higher_is_closer: bool,
    paired: bool = True,
) -> BaselineOutcome:
    """Return the outcome of a difference between this run and the baseline.

    Args:
        difference: This run minus the baseline.
        value: Alignment of the baseline.
        tolerance: Loss still accepted.
        higher_is_closer: Direction of the metric.
        paired: Whether both were measured on embeddings of the same samples.
    """
    low, high = difference.low, difference.high
    least, most = (-high, -low) if higher_is_closer else (low, high)
    verdict: Verdict = (
        "regressed"
        if least > tolerance
        else "improved"
        if most < -tolerance
        else "unchanged"
        if most <= tolerance
        else "undecided"
    )
    return BaselineOutcome(
        verdict=verdict,
        paired=paired,
        value=value,
        difference=difference.value,
        low=low,
        high=high,
        tolerance=tolerance,
        p_value=difference.p_value,
        n=difference.n,
        samples_needed=difference.samples_needed if verdict == "undecided" else None,
    )


def judge_values(
    now: BaselineRow, then: BaselineRow, *, tolerance: float, higher_is_closer: bool
) -> BaselineOutcome:
    """Return the outcome where only the baseline's value and interval are at hand.

    The two are treated as independent although they share their samples, so the interval of the
    difference is too wide rather than too narrow. Where value, interval and null all agree to
    rounding the embeddings are the same, and so the difference is known: none.
    """
    new, old = now.alignment, then.alignment
    if reason := incomparable(now, then):
        return BaselineOutcome(
            verdict="not-comparable", value=old.value, tolerance=tolerance, reason=reason
        )
    change = new.value - old.value
    half_width = math.hypot(new.high - new.low, old.high - old.low) / 2
    if all(
        math.isclose(getattr(new, name), getattr(old, name), rel_tol=SAME, abs_tol=SAME)
        for name in ("value", "low", "high", "null_mean", "null_sd")
    ):
        half_width = 0.0
    margin = tolerance + (change if higher_is_closer else -change)
    difference = Difference(
        metric=new.metric,
        estimator=new.estimator,
        k=new.k,
        preprocess=new.preprocess,
        n=new.n,
        value=change,
        low=change - half_width,
        high=change + half_width,
        confidence=new.confidence,
        p_value=one_sided_p(margin, half_width=half_width),
        samples_needed=samples_needed(margin, half_width, n=new.n),
    )
    return judge_difference(
        difference,
        value=old.value,
        tolerance=tolerance,
        higher_is_closer=higher_is_closer,
        paired=False,
    )


def incomparable(now: BaselineRow, then: BaselineRow) -> str:
    """Return why a recorded value says nothing about this run's; empty if it does."""
    new, old = now.alignment, then.alignment
    for what, here, there in (
        ("estimator", new.estimator, old.estimator),
        ("k", new.k, old.k),
        ("preprocessing", new.preprocess, old.preprocess),
        ("number of samples", new.n, old.n),
        ("fingerprint of the samples", now.samples_fingerprint, then.samples_fingerprint),
        ("reference", now.reference_identity, then.reference_identity),
    ):
        if here != there:
            shown = "" if what in {"reference", "fingerprint of the samples"} else f" ({there})"
            return (
                f"the baseline was measured with another {what}{shown} than this run; "
                "update it with --matalign-update=all"
            )
    return ""


def explain_baseline(outcome: BaselineOutcome | None, *, metric: str) -> str:
    """Return one sentence about a comparison that is not simply well; empty otherwise."""
    if outcome is None or outcome.verdict in {"unchanged", "improved", "no-baseline"}:
        return ""
    if outcome.difference is None or outcome.low is None or outcome.high is None:
        return f"Not comparable with the baseline: {outcome.reason}."
    text = (
        f"{metric} changed by {outcome.difference:+.3f} [{outcome.low:+.3f}, {outcome.high:+.3f}] "
        f"from the baseline's {outcome.value:.3f} at n = {outcome.n}, "
        f"with a loss of {outcome.tolerance:.3f} tolerated"
    )
    if outcome.verdict == "undecided" and outcome.adjusted_p_value is not None:
        text += f" (adjusted p = {outcome.adjusted_p_value:.2g})"
    if outcome.verdict == "undecided":
        needed = outcome.samples_needed
        text += (
            f"; about {needed} samples would decide with a chance of 80 %"
            if needed is not None and outcome.n is not None and needed > outcome.n
            else "; no number of samples decides a difference this close"
            if needed is None
            else ""
        )
    return text + "."
