"""The scorecard as text for a terminal: 80 columns without wrapping, more when there is room."""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import shorten, wrap
from typing import TYPE_CHECKING

from pytest_matalign.scorecard.against_baseline import release_lines
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
from pytest_matalign.verdicts.records import measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.scorecard.model import Scorecard

SHOWN_FAILURES = 20
WIDE = 112
"""Columns from which partners are named in the table and not by their row number."""
SHORT = {"passed": "pass", "failed": "FAIL", "error": "ERR", "undecided": "undec",
         "regressed": "REGR", "skipped": "skip", "improved": "impr", "unchanged": "same",
         "not-comparable": "n/c"}  # fmt: skip
"""Column texts of verdicts; `no-baseline` says nothing about a model and is left out."""


def lines(scorecard: Scorecard, *, width: int = 80, quiet: bool = False) -> Iterator[str]:
    """Lines of the scorecard, none longer than `width`; one a suite if `quiet`."""
    if not quiet:
        for table in split_tables(scorecard):
            yield from _table_lines(table, width)
        yield from _missing_lines(scorecard, width)
        yield from release_lines(scorecard, width=width)
        yield from _failure_lines(scorecard, width)
    for suite in scorecard.suites:
        records = [r for r in scorecard.alignments if r.suite == suite.name]
        used = {m for r, _ in measured(records) for m in (r.a, r.b)}
        trained = [m for m in scorecard.models if m.role != "control" and m.id in used]
        line = (
            f"{suite.name}: {len(trained)} models, {len(records)} alignments: "
            f"{in_words(verdict_counts(records))}"
        )
        yield from (
            [line] if quiet else wrap(line, width, subsequent_indent="  ", break_on_hyphens=False)
        )


def style(line: str) -> dict[str, bool]:
    """How a line is set off, in the words of pytest's own writer, which colours terminals only."""
    if _TITLE.match(line):
        return {"bold": True}
    if line.startswith("failures: ") or _FAILING.search(line):
        return {"red": True}
    if _PASSED.search(line):
        return {"green": True}
    return {}


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
_TITLE = re.compile(r"\S+ / \S+ \(")
_FAILING = re.compile(r"^\S+: \d+ models, .*\b(failed|regressed|error)\b")
_PASSED = re.compile(r"^\S+: \d+ models, .*\b(passed|improved|unchanged)\b")


def _table_lines(table: SplitTable, width: int) -> Iterator[str]:
    k = f", k = {table.k}" if table.k is not None else ""
    yield ""
    yield shorten(
        f"{table.suite.name} / {table.split.id} ({table.split.role}, {table.split.samples} "
        f"samples): {table.metric}{k}",
        width,
        placeholder="…",
    )
    layouts = [_WIDE, *_NARROW] if width >= WIDE else _NARROW
    for layout in layouts:
        text = _table_text(table, layout)
        if max(map(len, text)) <= width:
            break
    yield from text


def _table_text(table: SplitTable, layout: _Layout) -> list[str]:
    from tabulate import tabulate

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
    text = tabulate(rows, headers=layout.columns, tablefmt="simple", disable_numparse=True)
    return [line.rstrip() for line in text.splitlines()]


def _missing_lines(scorecard: Scorecard, width: int) -> Iterator[str]:
    for suite in scorecard.suites:
        missing = missing_models(scorecard, suite.name)
        if missing:
            yield ""
            yield f"not in {suite.name}:"
        for gap in missing:
            text = f"  {gap.model} ({', '.join(gap.splits)}): {gap.reason}"
            yield shorten(text, width, placeholder="…") if len(text) > width else text


def _failure_lines(scorecard: Scorecard, width: int) -> Iterator[str]:
    found = failures(scorecard)
    if found:
        yield ""
        yield f"failures: {len(found)}"
    for record in found[:SHOWN_FAILURES]:
        yield from wrap(
            f"{subject(record)}: {record.reason}", width - 2, initial_indent="  ",
            subsequent_indent="    ",
        )  # fmt: skip
    if len(found) > SHOWN_FAILURES:
        yield f"  … and {len(found) - SHOWN_FAILURES} more, in the JSON scorecard"
    yield ""


def _partner(partner: Partner | None, number: dict[str, str], layout: _Layout) -> str:
    if partner is None:
        return "–"
    if layout.names or partner.model not in number:
        return f"{partner.value:.2f} {_clip(partner.model, layout.control)}"
    return f"{partner.value:.2f} #{number[partner.model]}"


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
