"""What a run was judged by, part by part, and how that differs from what it was judged by before.

A pull request can weaken its own gate: what it changes of the policy is told first, in every form
of the scorecard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHOWN = 8
_LONGEST = 60


def policy_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield what differs between two policies, one clause per part, by name."""
    for part in sorted({*before, *after}):
        if before.get(part) != after.get(part):
            if part not in before:
                yield f"{part} is new"
            elif part not in after:
                yield f"{part} is gone"
            else:
                yield f"{part} was {_short(before[part])}, is {_short(after[part])}"


def policy_line(changes: Sequence[str]) -> str:
    """Return all changes as one line; nothing if there are none."""
    if not changes:
        return ""
    more = f"; and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    return f"policy changed: {'; '.join(changes[:SHOWN])}{more}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
