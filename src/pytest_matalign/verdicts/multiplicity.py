"""Control of false alarms over all comparisons of a run.

Comparisons are judged together family by family (expectations or regressions of one suite on one
split), so that a verdict does not wait for other splits. Each family is held to its share of the
run's rate, and the shares add up: the false share of all alarms of the run is at most the sum of
those of its families, and a model for which all is well is alarmed in at most `RATE` of runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from pytest_matalign.verdicts.records import BaselineOutcome, ExpectationOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = TypeVar("Key")
Outcome = TypeVar("Outcome", ExpectationOutcome, BaselineOutcome)


RATE = 0.05
"""False discovery rate over a whole run."""


def judged_together(outcomes: Mapping[Key, Outcome], *, families: int = 1) -> dict[Key, Outcome]:
    """Return outcomes with p-values adjusted for how many there are: an alarm may become doubt.

    By Benjamini and Hochberg (1995, J. R. Stat. Soc. B 57, 289), which is valid for independent
    and for positively dependent tests, as comparisons on the same samples are. Adjustment never
    makes an alarm, and outcomes without a p-value stay as they are.

    Args:
        outcomes: One family.
        families: In the whole run; p-values are multiplied by it, and held to `RATE`.
    """
    import numpy as np
    from scipy.stats import false_discovery_control

    tested = {key: one.p_value for key, one in outcomes.items() if one.p_value is not None}
    if not tested:
        return dict(outcomes)
    adjusted = np.minimum(families * false_discovery_control(list(tested.values())), 1.0)
    p_values = dict(zip(tested, adjusted.tolist(), strict=True))
    return {
        key: one if key not in p_values else _with_adjusted(one, p_values[key])
        for key, one in outcomes.items()
    }


def _with_adjusted(outcome: Outcome, p_value: float) -> Outcome:
    verdict = outcome.verdict
    if verdict in {"failed", "regressed"} and p_value > RATE:
        verdict = "undecided"
    return msgspec.structs.replace(outcome, adjusted_p_value=p_value, verdict=verdict)
