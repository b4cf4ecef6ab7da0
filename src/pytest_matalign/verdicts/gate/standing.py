"""Where a model stands on a split between untrained networks and trained references.

Every model is placed by the same rule: the weighted mean of its partial alignments with the
references of families other than its own (leave one family out), so that a reference is placed as
it would be if it were the newcomer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pytest_matalign.analysis.shared import weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_matalign.analysis.shared import Residual
    from pytest_matalign.metrics.spec import MetricSpec
    from pytest_matalign.verdicts.gate.judge import Court, Prepared

SEPARATES = 0.95
"""Share of pairs of a trained and an untrained model in which the trained one must be higher for
a split to judge by: one wrong in twenty is the error that is wanted."""


class Standing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One judged metric of a candidate on a split, and that of everybody else.

    Attributes:
        metric: Name.
        value: Of the candidate: structure shared with references of other families.
        low: Lower end of its interval.
        high: Upper end.
        families: The same with the references of one family alone, by family.
        references: Of each trained reference, its own family left out.
        untrained: Of each untrained network, its own family left out.
        baseline: Of the candidate's earlier release.
    """

    metric: str
    value: float
    low: float
    high: float
    families: dict[str, float]
    references: dict[str, float]
    untrained: dict[str, float]
    baseline: float | None = None

    @property
    def separation(self) -> float:
        """Share of pairs of a trained and an untrained model in which the trained is higher."""
        trained, untrained = (np.array(list(v.values())) for v in (self.references, self.untrained))
        if not len(trained) or not len(untrained):
            return 0.0
        above = (trained[:, None] > untrained) + 0.5 * (trained[:, None] == untrained)
        return float(above.mean())


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
