"""The scorecard as Markdown, for a step summary or a comment: short first, details folded."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pytest_matalign.escaping import code
from pytest_matalign.escaping import markdown as escaped
from pytest_matalign.scorecard.against_baseline import release_markdown
from pytest_matalign.scorecard.candidate import candidate_markdown
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
from pytest_matalign.scorecard.tables import markdown_table
from pytest_matalign.verdicts.policy import policy_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.scorecard.model import Scorecard

SHOWN_FAILURES = 50
LIMIT_BYTES = 900_000
"""A step summary above 1 MiB is refused whole."""


def render(scorecard: Scorecard) -> str:
    """Markdown of a scorecard, cut to what a step summary may hold."""
    text = "\n".join(_lines(scorecard)) + "\n"
    if len(text.encode()) <= LIMIT_BYTES:
        return text
    cut = text.encode()[:LIMIT_BYTES].decode("utf-8", "ignore").rsplit("\n", 1)[0]
    return cut + "\n\n</details>\n\n*Cut to the size a step summary may have.*\n"


def _lines(scorecard: Scorecard) -> Iterator[str]:
    if changed := policy_line(scorecard.policy_changes):
        yield f"**{escaped(changed)}**"
        yield ""
    found = failures(scorecard)
    verdict = f"❌ {len(found)} failures" if found else "✅ no failures"
    whose = f" of {code(scorecard.candidate)}" if scorecard.candidate else ""
    yield f"### Alignment scorecard{whose}: {verdict}"
    yield ""
    yield from candidate_markdown(scorecard)
    for suite in scorecard.suites:
        records = [r for r in scorecard.alignments if r.suite == suite.name]
        counts = in_words(verdict_counts(records))
        yield f"- **{escaped(suite.name)}** ({escaped(suite.title)}): {counts}"
    yield ""
    if found:
        rows = [[subject(record), record.reason] for record in found[:SHOWN_FAILURES]]
        yield from markdown_table(["check", "reason"], rows)
    yield from release_markdown(scorecard)
    for table in split_tables(scorecard):
        yield from _split_lines(table)
    gaps = [
        [suite.name, gap.model, ", ".join(gap.splits), gap.reason]
        for suite in scorecard.suites
        for gap in missing_models(scorecard, suite.name)
    ]
    if gaps:
        yield "<details><summary>Models not embedded</summary>"
        yield ""
        yield from markdown_table(["suite", "model", "splits", "reason"], gaps)
        yield "</details>"


def _split_lines(table: SplitTable) -> Iterator[str]:
    k = f", k = {table.k}" if table.k is not None else ""
    yield (
        f"<details><summary><b>{escape(table.suite.name)} / {escape(table.split.id)}</b> "
        f"({escape(table.split.role)}, "
        f"{table.split.samples} samples): {escape(table.metric)}{k}</summary>"
    )
    yield ""
    rows = [
        [
            row.model.id,
            row.model.modality,
            str(row.n),
            "–" if row.mean is None else f"{row.mean:.3f}",
            _partner(row.best),
            _partner(row.worst),
            _partner(row.control),
            in_words(row.verdicts),
        ]
        for row in table.rows
    ]
    yield from markdown_table(
        ["model", "modality", "n", "mean", "best", "worst", "control", "verdicts"], rows
    )
    yield "</details>"
    yield ""


def _partner(partner: Partner | None) -> str:
    return "–" if partner is None else f"{partner.value:.3f} {partner.model}"
