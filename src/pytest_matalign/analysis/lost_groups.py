"""Groups of samples that a model lost although its mean did not move.

What tells the samples of a group apart is how their profiles (`shared.profiles`) differ from the
group's mean: what the group has in common, composition above all, is no news. The likeness of two
models there is the correlation of these differences. A group is lost where its likeness with the
model's own baseline and with the references is less than half of what it would be if it had kept
up with all other samples: with the baseline as they do, with the references as the baseline itself
does, less what they lost of that. A model that agrees less with its references everywhere has lost
no group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pytest_matalign.metrics.arrays import Float64

SMALLEST = 5
"""Samples a group must have; the spread among fewer says nothing."""
LARGEST = 0.8
"""Share of all samples beyond which a group has no others to fall behind."""
SURELY = 2.0
"""Standard errors by which the baseline's likeness with references must be above none."""
HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLoss:
    """What one group kept.

    Attributes:
        group: Its name.
        samples: How many samples it has.
        own: Likeness of its samples in candidate and baseline.
        others: The same of all other samples.
        references: Likeness of its samples in candidate and references.
        before: The same of the baseline.
        remains: Share of their likeness with references that all other samples kept, at most 1.
        worst: Positions of its samples, those that agree least with the baseline first.
    """

    group: str
    samples: int
    own: float
    others: float
    references: float
    before: float
    remains: float
    worst: tuple[int, ...]

    @property
    def kept(self) -> float:
        """Share kept of what would be left if the group had kept up."""
        due = self.others + self.remains * self.before
        return (self.own + self.references) / due if due > 0 else 1.0

    @property
    def lost(self) -> bool:
        """Whether less than half is left."""
        return self.others > 0 and self.kept < HALF


def group_losses(
    candidate: Float64,
    baseline: Float64,
    references: Float64,
    groups: Mapping[str, NDArray[np.intp]],
) -> list[GroupLoss]:
    """Return what each group kept, the largest losses first.

    Args:
        candidate: Profiles (n, n).
        baseline: Profiles (n, n).
        references: Their weighted mean profiles (n, n).
        groups: Positions of the samples of each group. Too small and too large ones are left out,
            and those whose samples the baseline does not surely tell apart as references do.
    """
    n, found = len(baseline), []
    agreement = np.einsum("ij,ij->i", candidate, baseline)
    for group, members in groups.items():
        if not SMALLEST <= len(members) <= LARGEST * n:
            continue
        before, error = _likeness(baseline[members], references[members])
        if before <= SURELY * error:
            continue
        others = np.ones(n, dtype=bool)
        others[members] = False
        then, now = (_likeness(x[others], references[others])[0] for x in (baseline, candidate))
        worst = members[np.argsort(agreement[members], kind="stable")]
        found.append(
            GroupLoss(
                group=group,
                samples=len(members),
                own=_likeness(candidate[members], baseline[members])[0],
                others=_likeness(candidate[others], baseline[others])[0],
                references=_likeness(candidate[members], references[members])[0],
                before=before,
                remains=min(max(now, 0.0) / then, 1.0) if then > 0 else 0.0,
                worst=tuple(int(i) for i in worst),
            )
        )
    return sorted(found, key=lambda loss: (not loss.lost, loss.kept, loss.group))


def _likeness(a: Float64, b: Float64) -> tuple[float, float]:
    """Correlation of two kinds of rows (k, n) about their means, and its error over the rows."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    ab, aa, bb = (np.einsum("ij,ij->i", x, y) for x, y in ((a, b), (a, a), (b, b)))
    scale = float(np.sqrt(aa.sum() * bb.sum()))
    if scale <= 0:
        return 0.0, 0.0
    value = float(ab.sum()) / scale
    influence = ab / scale - value / 2 * (aa / aa.sum() + bb / bb.sum())
    return value, float(np.sqrt((influence**2).sum() * len(a) / (len(a) - 1)))
