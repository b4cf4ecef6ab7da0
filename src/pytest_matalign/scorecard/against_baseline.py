"""What a scorecard says of a candidate against its earlier release, and of its gates."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING

from pytest_matalign.scorecard.summary import in_words
from pytest_matalign.scorecard.tables import markdown_table

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.verdicts.records import AlignmentRecord, Drift


@dataclass(frozen=True, kw_only=True)
class SplitChange:
    """A candidate against its baseline on one split, by one metric."""

    suite: str
    split: str
    metric: str
    mean: float  # Mean change of alignment over the references, in the metric's units
    worst: str  # The reference it lost most alignment with
    loss: float  # How much, in the metric's units; negative if it lost none
    verdicts: Counter[str]  # How many comparisons had each verdict


def changes(scorecard: Scorecard) -> list[SplitChange]:
    """Splits by loss, the one that lost most first."""
    grouped: dict[tuple[str, str, str], list[AlignmentRecord]] = {}
    for record in scorecard.alignments:
        if record.baseline is not None and record.baseline.difference is not None:
            grouped.setdefault((record.suite, record.split, record.metric), []).append(record)
    found = [_change(key, records) for key, records in grouped.items()]
    return sorted(found, key=lambda change: -change.loss)


def drifts(scorecard: Scorecard) -> list[tuple[str, Drift]]:
    """How the candidate's neighbourhoods changed, split by split, the most changed first."""
    found = {r.split: r.drift for r in scorecard.embeddings if r.drift is not None}
    return sorted(found.items(), key=lambda item: item[1].overlap)


def release_lines(scorecard: Scorecard, *, width: int) -> Iterator[str]:
    """Text for a terminal."""
    found = changes(scorecard)
    if found:
        yield ""
        yield "against the baseline (change of alignment, mean over references):"
    for change in found:
        text = (
            f"  {change.suite}/{change.split}, {change.metric}: {change.mean:+.3f}; "
            f"{in_words(change.verdicts)}"
        )
        if change.loss > 0:
            text += f"; most lost with {change.worst} ({change.loss:.3f})"
        yield from wrap(text, width, subsequent_indent="    ")
    for split, drift in drifts(scorecard):
        if drift.moved:
            moved = ", ".join(f"{m.id} ({m.overlap:.0%})" for m in drift.moved)
            yield from wrap(
                f"  {split}: {drift.overlap:.0%} of the {drift.k} nearest neighbours kept; "
                f"moved most: {moved}",
                width,
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    yield from _stale_lines(scorecard, width)
    if scorecard.gates:
        yield ""
        yield "gates:"
    for gate in scorecard.gates:
        yield from wrap(
            f"  {gate.suite} {gate.id}: {gate.verdict}; {gate.reason}", width,
            subsequent_indent="    ",
        )  # fmt: skip


def release_markdown(scorecard: Scorecard) -> Iterator[str]:
    """Markdown: verdicts in the open, details folded."""
    if scorecard.gates:
        rows = [[gate.suite, gate.id, gate.verdict, gate.reason] for gate in scorecard.gates]
        yield from markdown_table(["suite", "gate", "verdict", "reason"], rows)
    found = changes(scorecard)
    if found:
        yield "<details><summary>Against the baseline</summary>"
        yield ""
        rows = [
            [
                change.suite,
                change.split,
                change.metric,
                f"{change.mean:+.3f}",
                f"{change.loss:.3f} with {change.worst}" if change.loss > 0 else "–",
                in_words(change.verdicts),
            ]
            for change in found
        ]
        head = ["suite", "split", "metric", "mean change", "most lost", "verdicts"]
        yield from markdown_table(head, rows)
        yield "</details>"
        yield ""
    for split, drift in drifts(scorecard):
        if drift.moved:
            yield (
                f"<details><summary>{escape(split)}: {drift.overlap:.0%} of the {drift.k} nearest "
                "neighbours kept; samples that moved most</summary>"
            )
            yield ""
            yield from markdown_table(
                ["sample", "neighbours kept"], [[m.id, f"{m.overlap:.0%}"] for m in drift.moved]
            )
            yield "</details>"
            yield ""
    if scorecard.stale:
        yield f"{len(scorecard.stale)} rows of the baseline are stale; {_CURE}."
        yield ""


_CURE = "no check asks for them; drop them with --matalign-update=all"


def _stale_lines(scorecard: Scorecard, width: int) -> Iterator[str]:
    if scorecard.stale:
        names = dict.fromkeys(f"{row.split}/{row.reference}" for row in scorecard.stale)
        yield from wrap(
            f"  {len(scorecard.stale)} rows of the baseline are stale ({', '.join(names)}); "
            f"{_CURE}",
            width,
            subsequent_indent="    ",
        )


def _change(key: tuple[str, str, str], records: Sequence[AlignmentRecord]) -> SplitChange:
    from collections import Counter

    outcomes = [record.baseline for record in records if record.baseline is not None]
    differences = [o.difference for o in outcomes if o.difference is not None]
    sign = -1.0 if records[0].higher_is_closer else 1.0
    losses = [
        (sign * change, record.b) for change, record in zip(differences, records, strict=True)
    ]
    loss, worst = max(losses)
    return SplitChange(
        suite=key[0],
        split=key[1],
        metric=key[2],
        mean=sum(differences) / len(differences),
        worst=worst,
        loss=loss,
        verdicts=Counter(outcome.verdict for outcome in outcomes),
    )
