"""A study's report: sections of text, tables, figures and claims, as Markdown and as HTML."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

import msgspec

from pytest_matalign.report.page import template
from pytest_matalign.scorecard.tables import markdown_table

Verdict = Literal["reproduced", "not reproduced", "undecided", "not testable here"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of the paper and what became of it here."""

    id: str  # Short name
    statement: str  # What the paper says, in our words
    verdict: Verdict  # What the numbers say
    numbers: str  # The numbers, with intervals
    caveat: str = ""  # What the numbers cannot say
    would_change: str = ""  # What would change the verdict


def untestable(name: str, statement: str, caveat: str = "", *, numbers: str = "none") -> Claim:
    """Return a claim that the models or data at hand say nothing about."""
    return Claim(
        id=name,
        statement=statement,
        verdict="not testable here",
        numbers=numbers,
        caveat=caveat,
        would_change="Such models or data.",
    )


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table; what is in a cell is shown by `str`."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A vector image whose text is text."""

    name: str
    caption: str
    svg: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of a report."""

    id: str
    title: str
    text: str = ""
    """Paragraphs, with a blank line between."""
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()
    claims: Sequence[Claim] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything a study found."""

    title: str  # Heading
    preface: str  # Paragraphs before the claims
    sections: Sequence[Section] = field(default_factory=tuple)  # In order
    options: str = ""  # Of the command that made it, with a blank before each

    @property
    def claims(self) -> list[Claim]:
        """Claims of all sections."""
        return [claim for section in self.sections for claim in section.claims]

    @property
    def judged(self) -> list[dict[str, str]]:
        """Claims as plain values, each with the command that judges it again."""
        return [
            {**asdict(claim), "command": f"matalign study {section.id}{self.options}"}
            for section in self.sections
            for claim in section.claims
        ]


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write `report.md` with its figures beside it, `report.html` that holds them, `claims.json`.

    Returns:
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "report.md", folder / "report.html", folder / "claims.json"]
    written[0].write_text(markdown(report), encoding="utf-8")
    written[1].write_text(html(report), encoding="utf-8")
    written[2].write_bytes(msgspec.json.format(msgspec.json.encode(report.judged)) + b"\n")
    for section in report.sections:
        for figure in section.figures:
            path = folder / f"{figure.name}.svg"
            path.write_text(figure.svg, encoding="utf-8")
            written.append(path)
    return written


def tally(claims: Sequence[Claim]) -> str:
    """How many claims have each verdict, in words."""
    counts = {verdict: sum(c.verdict == verdict for c in claims) for verdict in VERDICTS}
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)


def markdown(report: Report) -> str:
    """The report as Markdown; figures are named as files beside it."""
    lines = [f"# {report.title}", "", *_spaced(report.preface)]
    if report.claims:
        lines += ["## Claims of the paper", "", f"{tally(report.claims)}.", ""]
        lines += _markdown(_claim_table(report.claims))
        lines += ["## What would change our mind", "", *_markdown(_change_table(report))]
    for section in report.sections:
        lines += [f"## {section.title}", "", *_spaced(section.text)]
        for figure in section.figures:
            lines += [f"![{figure.caption}]({figure.name}.svg)", "", f"*{figure.caption}*", ""]
        for table in section.tables:
            lines += [f"**{table.caption}**", "", *_markdown(table)]
    return "\n".join(lines).rstrip() + "\n"


def _markdown(table: Table) -> list[str]:
    return markdown_table(table.head, [[str(cell) for cell in row] for row in table.rows])


def _claim_table(claims: Sequence[Claim]) -> Table:
    rows = [[c.statement, c.verdict, c.numbers, c.caveat] for c in claims]
    return Table(caption="", head=["claim", "verdict", "numbers here", "caveat"], rows=rows)


def _change_table(report: Report) -> Table:
    rows = [[one[k] for k in ("id", "verdict", "would_change", "command")] for one in report.judged]
    head = ["claim", "verdict", "what would change it", "judged again by"]
    return Table(caption="", head=head, rows=rows)


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, each on one line."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _spaced(text: str) -> list[str]:
    return [line for paragraph in paragraphs(text) for line in (paragraph, "")]


def html(report: Report) -> str:
    """The report as one HTML file that needs nothing beside it."""
    return template("report.html.j2", folder=Path(__file__).parent).render(
        report=report,
        tally=tally(report.claims),
        claims=_claim_table(report.claims),
        changes=_change_table(report),
        paragraphs=paragraphs,
        encode=lambda svg: base64.b64encode(svg.encode()).decode(),
    )
