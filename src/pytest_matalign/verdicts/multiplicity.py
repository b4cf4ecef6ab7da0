"""Control of false alarms over many comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from pytest_matalign.verdicts.expectations import LEVEL
from pytest_matalign.verdicts.records import BaselineOutcome, ExpectationOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = TypeVar("Key")
Outcome = TypeVar("Outcome", ExpectationOutcome, BaselineOutcome)


def judged_together(outcomes: Mapping[Key, Outcome]) -> dict[Key, Outcome]:
    """Return outcomes with p-values adjusted for how many there are: an alarm may become doubt.

    By Benjamini and Hochberg (1995, J. R. Stat. Soc. B 57, 289), which is valid for independent
    and for positively dependent tests, as comparisons on the same samples are. Adjustment never
    makes an alarm, and outcomes without a p-value stay as they are.
    """
    from scipy.stats import false_discovery_control

    tested = {key: one.p_value for key, one in outcomes.items() if one.p_value is not None}
    if not tested:
        return dict(outcomes)
    p_values = dict(zip(tested, false_discovery_control(list(tested.values())), strict=True))
    return {
        key: one if key not in p_values else _with_adjusted(one, float(p_values[key]))
        for key, one in outcomes.items()
    }


def _with_adjusted(outcome: Outcome, p_value: float) -> Outcome:
    verdict = outcome.verdict
    if verdict in {"failed", "regressed"} and p_value > LEVEL:
        verdict = "undecided"
    return msgspec.structs.replace(outcome, adjusted_p_value=p_value, verdict=verdict)
