"""What is demanded of every run: that it measured something, and in a strict run all of it.

Told as gates that only exist where they fail, so that table, JSON, JUnit and exit status agree.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from pytest_matalign.verdicts.gate.floor import ONE_LINE
from pytest_matalign.verdicts.records import GateRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_matalign.run.ledger import Record
    from pytest_matalign.verdicts.baseline import Key
    from pytest_matalign.verdicts.records import AlignmentRecord, EmbeddingRecord

DECIDED = frozenset({"passed", "failed", "regressed", "moved", "improved", "unchanged", "error"})
"""Verdicts that say that a check of the candidate was decided."""
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


def first_release(candidate: str, embeddings: Sequence[EmbeddingRecord]) -> list[GateRecord]:
    """Return a failed gate if a candidate without a baseline passes its floor on no split.

    A floor it is surely below fails by itself. A candidate for which no floor could be gathered
    anywhere (no reference of another family, or too few samples) is left to `nothing_judged`.
    """
    own = [r for r in embeddings if r.model == candidate and r.release is not None]
    found = [r.release for r in own if r.release is not None and r.release.is_first]
    if not found or any(one.verdict in {"passed", "failed"} for one in found):
        return []
    return [
        _failed(
            "first-release",
            kind="measured",
            reason=f"{candidate} has no baseline and is on no split surely above an untrained "
            f"network; on {own[0].split} it {found[0].why} To go on, {ONE_LINE}.",
        )
    ]


def nothing_judged(
    candidate: str, embeddings: Sequence[EmbeddingRecord], alignments: Sequence[AlignmentRecord]
) -> list[GateRecord]:
    """Return a failed gate if not one check of the candidate was decided."""
    own = [r for r in embeddings if r.model == candidate and (r.release or r.expectations)]
    pairs = [r for r in alignments if candidate in (r.a, r.b)]
    if {r.verdict for r in own} & DECIDED or {r.verdict for r in pairs} & DECIDED:
        return []
    return [
        _failed(
            "candidate-judged",
            kind="measured",
            reason=f"nothing was judged: no expectation of the suites is decided for {candidate}, "
            f"it has no baseline, and no untrained network could be held against it; {ONE_LINE}",
        )
    ]


def rows_lost(
    candidate: str, alignments: Sequence[AlignmentRecord], *, known: Callable[[Key], bool]
) -> list[GateRecord]:
    """Return a failed gate if a row of the baseline could not be held against anything.

    Args:
        candidate: Card id.
        alignments: Of the run.
        known: Whether the baseline has a row.
    """
    lost = [
        record
        for record in alignments
        if record.a == candidate
        and record.verdict in {"skipped", "not-comparable"}
        and known((record.suite, record.split, record.b, record.metric))
    ]
    if not lost:
        return []
    first = lost[0]
    return [
        _failed(
            "baseline-rows",
            kind="measured",
            reason=f"{len(lost)} rows of the baseline could not be compared, the first "
            f"{first.metric} with {first.b} on {first.split} ({first.reason.rstrip('.')}); mend "
            "that, or take over what this run measures with --matalign-update=all",
        )
    ]


def left_open(
    records: Sequence[Record | GateRecord], *, with_baseline: bool, missing: str = ""
) -> list[GateRecord]:
    """Return a failed gate if a strict run skipped a check or gate, or could not compare it.

    Args:
        records: Of the run.
        with_baseline: Whether there is a baseline, in which a check without a row is a gap.
        missing: What is said of checks that left no record.
    """
    refused = {"skipped", "not-comparable", *(["no-baseline"] if with_baseline else [])}
    found = [record for record in records if record.verdict in refused]
    told = [missing] if missing else []
    if found:
        counts = Counter(record.verdict for record in found)
        first = found[0]
        where = f"gate {first.id}" if isinstance(first, GateRecord) else f"on {first.split}"
        told.append(
            f"{', '.join(f'{n} {verdict}' for verdict, n in counts.items())}; the first {where}"
            f"{f': {first.reason}' if first.reason else ''}"
        )
    if not told:
        return []
    reason = f"a strict run leaves nothing open: {'; '.join(told)}"
    return [_failed("strict", kind="strict", reason=reason)]


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
