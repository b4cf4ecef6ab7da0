"""The scorecard as text for a terminal: 80 columns without wrapping, more when there is room."""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING

from pytest_matalign.scorecard.release import release_lines
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
        used = {m for r in records if r.value is not None for m in (r.a, r.b)}
        trained = [m for m in scorecard.models if m.role != "control" and m.id in used]
        yield (
            f"{suite.name}: {len(trained)} models, {len(records)} alignments: "
            f"{in_words(verdict_counts(records))}"
        )


def _table_lines(table: SplitTable, width: int) -> Iterator[str]:
    from tabulate import tabulate

    k = f", k = {table.k}" if table.k is not None else ""
    yield ""
    yield shorten(
        f"{table.suite.name} / {table.split.id} ({table.split.role}, {table.split.samples} "
        f"samples): {table.metric}{k}",
        width,
        placeholder="…",
    )
    number = {row.model.id: index for index, row in enumerate(table.rows, 1)}
    wide = width >= WIDE
    rows = []
    for row in table.rows:
        verdicts = " ".join(
            f"{count} {SHORT[name]}" for name, count in row.verdicts.items() if name in SHORT
        )
        cells = [
            str(number[row.model.id]),
            row.model.id if wide else _clip(row.model.id, 24),
            str(row.n),
            "–" if row.mean is None else f"{row.mean:.2f}",
            _partner(row.best, number, wide=wide),
            _partner(row.worst, number, wide=wide),
            _partner(row.control, {}, wide=wide),
            verdicts,
        ]
        rows.append([*cells[:2], row.model.modality, *cells[2:]] if wide else cells)
    head = ["#", "model", "n", "mean", "best", "worst", "control", "verdicts"]
    if wide:
        head.insert(2, "modality")
    text = tabulate(rows, headers=head, tablefmt="simple", disable_numparse=True)
    yield from (line[:width].rstrip() for line in text.splitlines())


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
    from textwrap import wrap

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


def _partner(partner: Partner | None, number: dict[str, int], *, wide: bool) -> str:
    if partner is None:
        return "–"
    if wide or partner.model not in number:
        return f"{partner.value:.2f} {partner.model if wide else _clip(partner.model, 11)}"
    return f"{partner.value:.2f} #{number[partner.model]}"


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
