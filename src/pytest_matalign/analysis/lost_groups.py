"""Groups of samples that a model lost although its mean did not move.

Two paired quantities per sample: how its profile (`shared.profiles`) agrees with the model's own
baseline, and how much less it agrees with references than the baseline did. A group whose samples
fall behind the others in both is lost. Retraining moves every group a little, so z scores are held
against their own spread over groups where there are enough (Efron 2004, the empirical null), and
the share of false alarms over groups is controlled (Benjamini and Hochberg 1995).
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
"""Samples a group must have; the t distribution of fewer says nothing."""
LARGEST = 0.8
"""Share of all samples beyond which a group has no others to fall behind."""
ENOUGH_GROUPS = 10
"""Groups from which the spread of z scores is estimated; with fewer it is taken as 1."""
LEVEL = 0.05
HALF = 0.5
"""A group is lost where it keeps less than this share of the agreement that the others keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLoss:
    """What one group kept.

    Attributes:
        group: Its name.
        samples: How many samples it has.
        own: Mean agreement of its samples with the baseline.
        others: The same of all other samples.
        references: Mean change of its samples' agreement with references.
        p_value: Adjusted over groups; that it fell no farther behind than groups do.
        worst: Positions of its samples, those that agree least with the baseline first.
    """

    group: str
    samples: int
    own: float
    others: float
    references: float
    p_value: float
    worst: tuple[int, ...]

    @property
    def lost(self) -> bool:
        """Whether the group fell behind surely, by half, and towards no reference."""
        behind = self.own < HALF * self.others and self.references < 0
        return behind and self.p_value <= LEVEL


def group_losses(
    own: Float64, change: Float64, groups: Mapping[str, NDArray[np.intp]]
) -> list[GroupLoss]:
    """Return what each group kept, the surest losses first.

    Args:
        own: Agreement (n,) of each sample of the candidate with the baseline.
        change: Agreement (n,) with references, candidate minus baseline.
        groups: Positions of the samples of each group; too small and too large ones are left out.
    """
    from scipy.special import ndtr
    from scipy.stats import false_discovery_control

    n = len(own)
    used = {g: m for g, m in groups.items() if SMALLEST <= len(m) <= LARGEST * n}
    if not used:
        return []
    scores = (_empirical(_behind(own, used)) + _empirical(_behind(change, used))) / np.sqrt(2)
    adjusted = false_discovery_control(np.maximum(ndtr(scores), 1e-300))
    found = []
    for (group, members), p in zip(used.items(), adjusted, strict=True):
        others = np.ones(n, dtype=bool)
        others[members] = False
        worst = members[np.argsort(own[members], kind="stable")]
        found.append(
            GroupLoss(
                group=group,
                samples=len(members),
                own=float(own[members].mean()),
                others=float(own[others].mean()),
                references=float(change[members].mean()),
                p_value=float(p),
                worst=tuple(int(i) for i in worst),
            )
        )
    return sorted(found, key=lambda loss: (not loss.lost, loss.p_value, loss.group))


def _behind(values: Float64, groups: Mapping[str, NDArray[np.intp]]) -> Float64:
    """Z scores of groups against all other samples, negative where a group fell behind."""
    from scipy.special import ndtri, stdtr

    n, total = len(values), float(values.sum())
    scores = []
    for members in groups.values():
        inside, k = values[members], len(members)
        lead = float(inside.mean()) - (total - float(inside.sum())) / (n - k)
        error = float(inside.std(ddof=1)) / np.sqrt(k)
        if error <= 1e-12:
            scores.append(0.0 if lead >= -1e-9 else -8.0)
            continue
        scores.append(float(np.clip(ndtri(stdtr(k - 1, lead / error)), -8.0, 8.0)))
    return np.array(scores)


def _empirical(scores: Float64) -> Float64:
    """Z scores on the scale of their own bulk, never made surer by it."""
    if len(scores) < ENOUGH_GROUPS:
        return scores
    middle = float(np.median(scores))
    spread = 1.4826 * float(np.median(np.abs(scores - middle)))
    scaled: Float64 = (scores - min(middle, 0.0)) / max(spread, 1.0)
    return scaled
