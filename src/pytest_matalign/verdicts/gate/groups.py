"""Whether a group of samples was lost; `analysis.lost_groups` in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.verdicts.gate.finding import SHOWN, Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_matalign.analysis.lost_groups import GroupLoss


def groups(losses: Sequence[GroupLoss], *, ids: Sequence[str]) -> Finding:
    """Return which groups were lost, with their worst samples.

    Args:
        losses: Of `group_losses`.
        ids: Of all samples.
    """
    lost = [loss for loss in losses if loss.lost]
    figures = {"groups": float(len(losses)), "lost": float(len(lost))}
    if not lost:
        return Finding(
            check="groups",
            verdict="passed",
            why=f"none of {len(losses)} groups was lost.",
            figures=figures,
        )
    first = lost[0]
    return Finding(
        check="groups",
        verdict="regressed",
        why=(
            f"lost {', '.join(loss.group for loss in lost[:5])}: what tells the {first.samples} "
            f"samples of {first.group} apart agrees with the baseline by {first.own:.2f} (all "
            f"others by {first.others:.2f}), with references by {first.references:.2f} (before "
            f"{first.before:.2f})."
        ),
        groups=tuple(loss.group for loss in lost),
        samples=tuple(ids[i] for i in first.worst[:SHOWN]),
        figures=figures,
    )
