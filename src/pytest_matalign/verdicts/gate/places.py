"""Place a candidate between untrained networks and trained references; `standing` holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.analysis.shared import weights
from pytest_matalign.verdicts.gate.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_matalign.analysis.shared import Residual
    from pytest_matalign.metrics.spec import MetricSpec
    from pytest_matalign.verdicts.gate.judge import Court, Prepared


def standings(
    candidate: Prepared,
    untrained: Mapping[str, tuple[str, Prepared]],
    *,
    baseline: Prepared | None = None,
) -> tuple[Standing, ...]:
    """Return where a candidate stands by each judged metric.

    Args:
        candidate: Prepared by the court of its family.
        untrained: Family and rows of untrained networks by name, prepared by the same court.
        baseline: The candidate's earlier release.
    """
    from scipy.special import ndtri

    court, found = candidate.court, []
    for place, spec in enumerate(court.specs):
        own = candidate.shared[place]
        half = float(ndtri(0.975)) * own.error
        families = list(dict.fromkeys(reference.family for reference in court.references))
        found.append(
            Standing(
                metric=own.metric,
                value=own.value,
                low=own.value - half,
                high=own.value + half,
                families={
                    family: _value(court, candidate.left, spec, among=[family])
                    for family in families
                },
                references={
                    reference.model: _value(court, left, spec, among=others)
                    for reference, left in zip(court.references, court.residuals, strict=True)
                    if (others := [f for f in families if f != reference.family])
                },
                untrained={
                    name: _value(
                        court,
                        one.left,
                        spec,
                        among=[f for f in families if f != family] or families,
                    )
                    for name, (family, one) in untrained.items()
                },
                baseline=None if baseline is None else baseline.shared[place].value,
            )
        )
    return tuple(found)


def _value(court: Court, left: Residual, spec: MetricSpec, *, among: Sequence[str]) -> float:
    used = [
        (reference, other)
        for reference, other in zip(court.references, court.residuals, strict=True)
        if reference.family in among
    ]
    shares = weights([r.family for r, _ in used], [r.corpus for r, _ in used])
    values = [left.parts[spec].compare(other.parts[spec]).value for _, other in used]
    return float(np.dot(shares, values))
