"""Hold an alignment against that of the candidate's earlier release.

With loss meaning alignment lost and t the loss still tolerated: regressed where the whole interval
of the loss is above t, improved where it is below -t, undecided where it straddles t, and
unchanged otherwise. Equal embeddings lose exactly 0, with an interval of no width.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.scorecard.model import BaselineOutcome
from pytest_matalign.verdicts.expectations import LEVEL, one_sided_p

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pytest_matalign.scorecard.model import AlignmentRecord
    from pytest_matalign.verdicts.baseline import BaselineRow
    from pytest_matalign.verdicts.verdict import Verdict

TOLERANCE = 0.02
"""Loss of alignment, on the metrics' scale of 0 to 1, that a release may have by default."""


def from_difference(
    difference: Mapping[str, Any], *, value: float, tolerance: float, higher_is_closer: bool
) -> BaselineOutcome:
    """Outcome of a paired comparison.

    Args:
        difference: Fields of `statistics.Difference`.
        value: Alignment of the baseline on the same samples.
        tolerance: Loss still accepted.
        higher_is_closer: Direction of the metric.
    """
    return _outcome(
        difference, paired=True, value=value, tolerance=tolerance, higher=higher_is_closer
    )


def from_values(record: AlignmentRecord, row: BaselineRow, *, tolerance: float) -> BaselineOutcome:
    """Outcome where only the baseline's value and interval are at hand.

    The two are treated as independent although they share their samples, so the interval of the
    difference is too wide rather than too narrow.
    """
    if reason := incomparable(record, row):
        return BaselineOutcome(
            verdict="not-comparable", value=row.value, tolerance=tolerance, reason=reason
        )
    assert record.value is not None
    assert record.low is not None
    assert record.high is not None
    difference = record.value - row.value
    half_width = math.hypot(record.high - record.low, row.high - row.low) / 2
    margin = tolerance + (difference if record.higher_is_closer else -difference)
    needed = math.ceil(record.n * (half_width / margin) ** 2) if margin else None
    return _outcome(
        {
            "value": difference,
            "low": difference - half_width,
            "high": difference + half_width,
            "p_value": one_sided_p(margin, half_width=half_width),
            "n": record.n,
            "samples_needed": needed,
        },
        paired=False,
        value=row.value,
        tolerance=tolerance,
        higher=record.higher_is_closer,
    )


def incomparable(record: AlignmentRecord, row: BaselineRow) -> str:
    """Why a recorded value says nothing about this run's; empty if it does."""
    for what, now, then in (
        ("estimator", record.estimator, row.estimator),
        ("k", record.k, row.k),
        ("preprocessing", record.preprocess, row.preprocess),
        ("number of samples", record.n, row.n),
        ("fingerprint of the samples", record.fingerprint, row.fingerprint),
        ("reference", record.reference, row.identity),
    ):
        if now != then:
            shown = "" if what in {"reference", "fingerprint of the samples"} else f" ({then})"
            return (
                f"the baseline was measured with another {what}{shown} than this run; "
                "update it with --matalign-update=all"
            )
    return ""


def adjusted(outcome: BaselineOutcome, p_value: float) -> BaselineOutcome:
    """An outcome after adjustment for multiplicity: an alarm that does not survive is doubt."""
    verdict = outcome.verdict
    if verdict == "regressed" and p_value > LEVEL:
        verdict = "undecided"
    return msgspec.structs.replace(outcome, adjusted=p_value, verdict=verdict)


def explain(outcome: BaselineOutcome | None, *, metric: str) -> str:
    """One sentence about a comparison that is not simply well; empty otherwise."""
    if outcome is None or outcome.verdict in {"unchanged", "improved", "no-baseline"}:
        return ""
    if outcome.difference is None or outcome.low is None or outcome.high is None:
        return f"Not comparable with the baseline: {outcome.reason}."
    text = (
        f"{metric} changed by {outcome.difference:+.3f} [{outcome.low:+.3f}, {outcome.high:+.3f}] "
        f"from the baseline's {outcome.value:.3f} at n = {outcome.n}, "
        f"with a loss of {outcome.tolerance:.3f} tolerated"
    )
    if outcome.verdict == "undecided" and outcome.adjusted is not None:
        text += f" (adjusted p = {outcome.adjusted:.2g})"
    if outcome.verdict == "undecided":
        needed = outcome.samples_needed
        text += (
            f"; about {needed} samples would decide"
            if needed is not None and outcome.n is not None and needed > outcome.n
            else "; no number of samples decides a difference this close"
            if needed is None
            else ""
        )
    return text + "."


def _outcome(
    difference: Mapping[str, Any], *, paired: bool, value: float, tolerance: float, higher: bool
) -> BaselineOutcome:
    low, high = difference["low"], difference["high"]
    least, most = (-high, -low) if higher else (low, high)
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
        difference=difference["value"],
        low=low,
        high=high,
        tolerance=tolerance,
        p_value=difference["p_value"],
        n=difference["n"],
        samples_needed=difference["samples_needed"] if verdict == "undecided" else None,
    )
