"""Where a model stands on a split between untrained networks and trained references.

Every model is placed by the same rule: the weighted mean of its partial alignments with the
references of families other than its own (leave one family out), so that a reference is placed as
it would be if it were the newcomer.
"""

from __future__ import annotations

import msgspec
import numpy as np

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
