"""The scorecard as text for a terminal: 80 columns without wrapping, more when there is room."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_matalign.escaping import terminal
from pytest_matalign.scorecard.against_baseline import release_lines
from pytest_matalign.scorecard.candidate import candidate_lines
from pytest_matalign.scorecard.summary import (
    Partner,
    SplitTable,
    failures,
    in_words,
    missing_models,
    split_tables,
    subject,
    verdict_counts,
)
from pytest_matalign.scorecard.tables import text_table
from pytest_matalign.verdicts.policy import policy_line
from pytest_matalign.verdicts.records import measured
from pytest_matalign.verdicts.verdict import FAILING, HOLDING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.scorecard.model import Scorecard

SHOWN_FAILURES = 20
WIDE = 112
"""Columns from which partners are named in the table and not by their row number."""
SHORT = {"passed": "pass", "failed": "FAIL", "error": "ERR", "undecided": "undec",
         "regressed": "REGR", "moved": "moved", "skipped": "skip", "improved": "impr",
         "unchanged": "same", "not-comparable": "n/c"}  # fmt: skip
"""Column texts of verdicts; `no-baseline` says nothing about a model and is left out."""


class Line(NamedTuple):
    """A line of text, and how it is set off where there is a terminal to show it."""

    text: str
    look: Literal["bold", "red", "green"] | None = None

    @property
    def markup(self) -> dict[str, bool]:
        """The look in the words of pytest's own writer, which colours terminals only."""
        return {self.look: True} if self.look else {}


def lines(scorecard: Scorecard, *, width: int = 80, quiet: bool = False) -> Iterator[Line]:
    """Yield the scorecard, no line longer than `width`; one per suite if `quiet`."""
    for line in _lines(scorecard, width=width, quiet=quiet):
        yield line._replace(text=terminal(line.text))


def _lines(scorecard: Scorecard, *, width: int, quiet: bool) -> Iterator[Line]:
    if changed := policy_line(scorecard.policy_changes):
        yield from (Line(line, "red") for line in wrap(changed, width, subsequent_indent="  "))
    if not quiet:
        told = list(candidate_lines(scorecard, width=width))
        yield from (Line(line, "bold" if not place else None) for place, line in enumerate(told))
        for table in split_tables(scorecard):
            yield from _table_lines(table, width)
        yield from map(Line, _missing_lines(scorecard, width))
        yield from map(Line, release_lines(scorecard, width=width))
        yield from _failure_lines(scorecard, width)
    for suite in scorecard.suites:
        records = [r for r in scorecard.alignments if r.suite == suite.name]
        used = {m for r, _ in measured(records) for m in (r.a, r.b)}
        trained = [m for m in scorecard.models if m.role != "control" and m.id in used]
        counts = verdict_counts(records)
        look: Literal["red", "green"] | None = (
            "red" if FAILING & counts.keys() else "green" if HOLDING & counts.keys() else None
        )
        text = f"{suite.name}: {len(trained)} models, {len(records)} alignments: {in_words(counts)}"
        wrapped = wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)
        yield from (Line(line, look) for line in ([text] if quiet else wrapped))


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Columns of a table, and the most characters a name in it may have."""

    columns: tuple[str, ...]
    model: int
    control: int
    names: bool = False
    """Whether partners are named and not given by the number of their row."""


_WIDE = _Layout(
    columns=("#", "model", "modality", "n", "mean", "best", "worst", "control", "verdicts"),
    model=60,
    control=60,
    names=True,
)
_NARROW = tuple(
    _Layout(columns=columns, model=model, control=control)
    for columns, model, control in (
        (("#", "model", "n", "mean", "best", "worst", "control", "verdicts"), 24, 11),
        (("#", "model", "n", "mean", "best", "control", "verdicts"), 24, 11),
        (("#", "model", "n", "mean", "best", "control", "verdicts"), 20, 9),
        (("model", "n", "mean", "control", "verdicts"), 18, 9),
        (("model", "mean", "verdicts"), 12, 9),
    )
)
"""From the most telling to the narrowest; the first that fits is taken."""


def _table_lines(table: SplitTable, width: int) -> Iterator[Line]:
    k = f", k = {table.k}" if table.k is not None else ""
    yield Line("")
    title = (
        f"{table.suite.name} / {table.split.id} ({table.split.role}, {table.split.samples} "
        f"samples): {table.metric}{k}"
    )
    yield Line(shorten(title, width, placeholder="…"), "bold")
    layouts = [_WIDE, *_NARROW] if width >= WIDE else _NARROW
    for layout in layouts:
        text = _table_text(table, layout)
        if max(map(len, text)) <= width:
            break
    yield from map(Line, text)


def _table_text(table: SplitTable, layout: _Layout) -> list[str]:
    number = {row.model.id: str(index) for index, row in enumerate(table.rows, 1)}
    rows = []
    for row in table.rows:
        verdicts = " ".join(
            f"{count} {SHORT[name]}" for name, count in row.verdicts.items() if name in SHORT
        )
        mean = "–" if row.mean is None else f"{row.mean:.2f}"
        cells = {
            "#": number[row.model.id],
            "model": _clip(row.model.id, layout.model),
            "modality": row.model.modality,
            "n": str(row.n),
            "mean": mean,
            "best": _partner(row.best, number, layout),
            "worst": _partner(row.worst, number, layout),
            "control": _partner(row.control, {}, layout),
            "verdicts": verdicts,
        }
        rows.append([cells[name] for name in layout.columns])
    return text_table(layout.columns, rows)


def _missing_lines(scorecard: Scorecard, width: int) -> Iterator[str]:
    for suite in scorecard.suites:
        missing = missing_models(scorecard, suite.name)
        if missing:
            yield ""
            yield f"not in {suite.name}:"
        for gap in missing:
            text = f"  {gap.model} ({', '.join(gap.splits)}): {gap.reason}"
            yield shorten(text, width, placeholder="…") if len(text) > width else text


def _failure_lines(scorecard: Scorecard, width: int) -> Iterator[Line]:
    found = failures(scorecard)
    if found:
        yield Line("")
        yield Line(f"failures: {len(found)}", "red")
    for record in found[:SHOWN_FAILURES]:
        text = f"{subject(record)}: {record.reason}"
        wrapped = wrap(text, width - 2, initial_indent="  ", subsequent_indent="    ")
        yield from map(Line, wrapped)
    if len(found) > SHOWN_FAILURES:
        yield Line(f"  … and {len(found) - SHOWN_FAILURES} more, in the JSON scorecard")
    yield Line("")


def _partner(partner: Partner | None, number: dict[str, str], layout: _Layout) -> str:
    if partner is None:
        return "–"
    if layout.names or partner.model not in number:
        return f"{partner.value:.2f} {_clip(partner.model, layout.control)}"
    return f"{partner.value:.2f} #{number[partner.model]}"


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
