"""Refusing samples that the baseline accepted is a loss, however well the others do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.verdicts.gate.finding import SHOWN, Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


def coverage(
    *, accepted: Collection[str], baseline: Sequence[str], reasons: Mapping[str, str] | None = None
) -> Finding:
    """Return whether a candidate still accepts what its baseline accepted.

    Args:
        accepted: Ids the candidate has rows for.
        baseline: Ids the baseline has rows for, in the order of the split.
        reasons: Why the candidate refused others, by id.
    """
    taken, known = set(accepted), set(baseline)
    lost = tuple(name for name in baseline if name not in taken)
    gained = sum(name not in known for name in taken)
    figures = {"lost": float(len(lost)), "gained": float(gained)}
    if not lost:
        why = "accepts all samples the baseline accepted" + (f" and {gained} more" * bool(gained))
        return Finding(check="coverage", verdict="passed", why=why + ".", figures=figures)
    reason = (reasons or {}).get(lost[0], "")
    return Finding(
        check="coverage",
        verdict="failed",
        why=(
            f"refuses {len(lost)} of the {len(baseline)} samples the baseline accepted, "
            f"{lost[0]} first" + (f" ({reason})" if reason else "") + "."
        ),
        samples=lost[:SHOWN],
        figures=figures,
    )
