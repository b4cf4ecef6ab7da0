"""What a scorecard says of its candidate: the verdict, why, and where it stands on every split.

The one place that decides what is told; terminal, Markdown and HTML each set it in their own way.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from pytest_matalign.escaping import code
from pytest_matalign.escaping import markdown as escaped
from pytest_matalign.scorecard.summary import failures, subject
from pytest_matalign.scorecard.tables import markdown_table, text_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.verdicts.gate.finding import Judgement
    from pytest_matalign.verdicts.gate.standing import Standing
    from pytest_matalign.verdicts.records import EmbeddingRecord

STRIP = 44
"""Columns of a strip in text."""
MARKS = {"untrained": "u", "reference": "r", "baseline": "B", "candidate": "●"}
"""Of models on a strip, those that hide others last."""
LEGEND = "u untrained, r reference, B baseline, ● candidate: structure shared beyond composition"


@dataclass(frozen=True, kw_only=True)
class SplitStanding:
    """The candidate on one split."""

    record: EmbeddingRecord
    judgement: Judgement

    @property
    def where(self) -> str:
        """Suite and split."""
        return f"{self.record.suite}/{self.record.split}"

    @property
    def covered(self) -> str:
        """How many samples it accepted, and why not the others."""
        record = self.record
        if not record.refused:
            return f"{record.n} of {record.requested} samples"
        why = "; ".join(f"{count} × {reason}" for reason, count in record.refused.items())
        return f"{record.n} of {record.requested} samples ({why})"

    @property
    def named(self) -> str:
        """Groups and samples that failing checks name, and what could not be taken into account."""
        found = []
        if self.judgement.groups:
            found.append(f"groups: {', '.join(self.judgement.groups)}")
        if self.judgement.samples:
            found.append(f"samples: {', '.join(self.judgement.samples)}")
        return "; ".join([*found, *self.judgement.notes])


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One model on a strip.

    Attributes:
        kind: Of `MARKS`.
        model: Its name.
        value: What it shares.
        place: From 0, the left end, to 1.
    """

    kind: str
    model: str
    value: float
    place: float


def candidate_splits(scorecard: Scorecard) -> list[SplitStanding]:
    """Return the splits on which the candidate was judged as one, in the order of the run."""
    return [
        SplitStanding(record=record, judgement=record.release)
        for record in scorecard.embeddings
        if record.release is not None and record.model == scorecard.candidate
    ]


def headline(scorecard: Scorecard) -> tuple[str, str] | None:
    """Return verdict and one sentence on the candidate; None for a run without one.

    Whatever fails the run decides; else the most serious of the judgements, as a run does.
    """
    if scorecard.candidate is None:
        return None
    splits = candidate_splits(scorecard)
    if found := failures(scorecard):
        first = next((one.record for one in splits if one.judgement.fails), found[0])
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return "failed", f"{subject(first)}: {first.reason}{more}"
    if not splits:
        return "not judged as a release", "its alignments are below"
    order = ("undecided", "moved", "passed")
    worst = min(splits, key=lambda one: order.index(one.judgement.verdict))
    count = sum(one.judgement.verdict == worst.judgement.verdict for one in splits)
    where = f"on {count} of {len(splits)} splits"
    return worst.judgement.verdict, f"{where}; on {worst.record.split}: {worst.judgement.why}"


def marks(standing: Standing, candidate: str) -> list[Mark]:
    """Return everybody on a strip of one metric, from the lowest to the highest of all values."""
    found = [("untrained", name, value) for name, value in standing.untrained.items()]
    found += [("reference", name, value) for name, value in standing.references.items()]
    if standing.baseline is not None:
        found.append(("baseline", "baseline", standing.baseline))
    found.append(("candidate", candidate, standing.value))
    low, high = min(v for *_, v in found), max(v for *_, v in found)
    span = (high - low) or 1.0
    return [
        Mark(kind=kind, model=model, value=value, place=(value - low) / span)
        for kind, model, value in found
    ]


def strip(standing: Standing, candidate: str, *, width: int = STRIP) -> str:
    """Return one line: `0.03 u····u········r·r●··rr 0.44`."""
    placed = marks(standing, candidate)
    cells = ["·"] * width
    for kind, letter in MARKS.items():
        for mark in placed:
            if mark.kind == kind:
                cells[round(mark.place * (width - 1))] = letter
    low, high = min(m.value for m in placed), max(m.value for m in placed)
    return f"{low:5.2f} {''.join(cells)} {high:.2f}"


def candidate_lines(scorecard: Scorecard, *, width: int) -> Iterator[str]:
    """Yield text for a terminal, the verdict first."""
    told = headline(scorecard)
    if told is None:
        return
    verdict, why = told
    yield from wrap(f"{scorecard.candidate}: {verdict.upper()}. {why}", width,
                    subsequent_indent="  ", break_on_hyphens=False)  # fmt: skip
    splits = candidate_splits(scorecard)
    for one in splits:
        yield ""
        yield f"{one.where}: {one.judgement.verdict}; {one.covered}"[:width]
        yield from _indented(f"{one.record.model} {one.judgement.why}", width)
        if one.named:
            yield from _indented(one.named, width)
        for standing in one.judgement.standings:
            line = strip(standing, one.record.model, width=max(8, min(STRIP, width - 36)))
            yield f"  {standing.metric:20} {line}"[:width]
        for line in _families(one.judgement.standings, text_table):
            yield f"  {line}"[:width]
    if any(one.judgement.standings for one in splits):
        yield ""
        yield from _indented(LEGEND, width)


def candidate_markdown(scorecard: Scorecard) -> Iterator[str]:
    """Yield Markdown: verdict and strips in the open, families folded."""
    told = headline(scorecard)
    if told is None or scorecard.candidate is None:
        return
    verdict, why = told
    yield f"**{code(scorecard.candidate)}: {escaped(verdict)}.** {escaped(why)}"
    yield ""
    splits = candidate_splits(scorecard)
    rows = []
    for one in splits:
        strips = [
            f"{standing.metric} {code(strip(standing, one.record.model))}"
            for standing in one.judgement.standings
        ]
        rows.append([one.where, one.judgement.verdict, one.covered, one.named])
        yield f"**{escaped(one.where)}**: {escaped(one.judgement.verdict)}; {escaped(one.covered)}."
        yield escaped(f"{one.record.model} {one.judgement.why}")
        yield ""
        yield from (f"- {line}" for line in strips)
        yield ""
        if one.named:
            yield escaped(one.named)
            yield ""
        if one.judgement.standings:
            yield f"<details><summary>{escaped(one.where)}: by reference family</summary>"
            yield ""
            yield from _families(one.judgement.standings, markdown_table)
            yield "</details>"
            yield ""
    if rows:
        yield LEGEND + "."
        yield ""


def _families(standings: Sequence[Standing], table: object) -> list[str]:
    if not standings:
        return []
    head = ["shared with family", *(standing.metric for standing in standings)]
    rows = [
        [family, *(f"{standing.families[family]:.3f}" for standing in standings)]
        for family in standings[0].families
    ]
    rows.append(
        ["weighted mean", *(f"{s.value:.3f} [{s.low:.3f}, {s.high:.3f}]" for s in standings)]
    )
    return table(head, rows)  # type: ignore[operator, no-any-return]  # one of the two tables


def _indented(text: str, width: int) -> list[str]:
    return wrap(text, width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
