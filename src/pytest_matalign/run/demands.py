"""What is demanded of every run: that it measured something, and in a strict run all of it.

Told as gates that only exist where they fail, so that table, JSON, JUnit and exit status agree.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from pytest_matalign.verdicts.records import GateRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_matalign.run.ledger import Record
    from pytest_matalign.verdicts.records import AlignmentRecord, EmbeddingRecord

RUN = "run"
"""Stands where the name of a suite does in gates on the whole run."""


def candidate_unmeasured(
    candidate: str, embeddings: Sequence[EmbeddingRecord], alignments: Sequence[AlignmentRecord]
) -> list[GateRecord]:
    """Return a failed gate if the candidate was measured in no alignment, whatever the reason."""
    own = [record for record in alignments if candidate in (record.a, record.b)]
    if any(record.alignment is not None for record in own):
        return []
    told = [record.reason for record in embeddings if record.model == candidate]
    reasons = Counter(filter(None, [*told, *(record.reason for record in own)]))
    why = f" (most often: {reasons.most_common(1)[0][0]})" if reasons else ""
    return [
        _failed(
            "candidate-measured",
            kind="measured",
            reason=f"{candidate} was measured in no alignment of this run, so nothing was "
            f"judged{why}",
        )
    ]


def left_open(records: Sequence[Record], *, with_baseline: bool) -> list[GateRecord]:
    """Return a failed gate if a strict run skipped a check or could not compare it.

    Args:
        records: Of the run.
        with_baseline: Whether there is a baseline, in which a check without a row is a gap.
    """
    refused = {"skipped", "not-comparable", *(["no-baseline"] if with_baseline else [])}
    found = [record for record in records if record.verdict in refused]
    if not found:
        return []
    counts = ", ".join(f"{n} {verdict}" for verdict, n in Counter(r.verdict for r in found).items())
    first = found[0]
    return [
        _failed(
            "strict",
            kind="strict",
            reason=f"a strict run leaves nothing open: {counts}; the first on {first.split}"
            f"{f': {first.reason}' if first.reason else ''}",
        )
    ]


def _failed(name: str, *, kind: Literal["measured", "strict"], reason: str) -> GateRecord:
    return GateRecord(
        suite=RUN,
        id=name,
        kind=kind,
        bound="at_least",
        limit=1.0,
        source="demanded of every run" if kind == "measured" else "--matalign-strict",
        verdict="failed",
        reason=reason,
    )
