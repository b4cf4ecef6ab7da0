"""A study's report: sections of text, tables, figures and claims, as Markdown and as HTML."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pytest_matalign.scorecard.tables import markdown_table

Verdict = Literal["reproduced", "not reproduced", "undecided", "not testable here"]
VERDICTS: tuple[Verdict, ...] = (
    "reproduced",
    "not reproduced",
    "undecided",
    "not testable here",
)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of the paper and what became of it here."""

    id: str  # Short name
    statement: str  # What the paper says, in our words
    verdict: Verdict  # What the numbers say
    numbers: str  # The numbers, with intervals
    caveat: str = ""  # What the numbers cannot say


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A PNG image."""

    name: str
    caption: str
    png: bytes


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

    @property
    def claims(self) -> list[Claim]:
        """Claims of all sections."""
        return [claim for section in self.sections for claim in section.claims]


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write `report.md` with its figures beside it, and `report.html` that holds them.

    Returns:
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "report.md", folder / "report.html"]
    written[0].write_text(markdown(report), encoding="utf-8")
    written[1].write_text(html(report), encoding="utf-8")
    for section in report.sections:
        for figure in section.figures:
            path = folder / f"{figure.name}.png"
            path.write_bytes(figure.png)
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
        claims = _claim_table(report.claims)
        lines += markdown_table(claims.head, claims.rows)
    for section in report.sections:
        lines += [f"## {section.title}", "", *_spaced(section.text)]
        for figure in section.figures:
            lines += [f"![{figure.caption}]({figure.name}.png)", "", f"*{figure.caption}*", ""]
        for table in section.tables:
            lines += [f"**{table.caption}**", "", *markdown_table(table.head, table.rows)]
    return "\n".join(lines).rstrip() + "\n"


def _claim_table(claims: Sequence[Claim]) -> Table:
    rows = [[c.statement, c.verdict, c.numbers, c.caveat] for c in claims]
    return Table(caption="", head=["claim", "verdict", "numbers here", "caveat"], rows=rows)


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, each on one line."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _spaced(text: str) -> list[str]:
    return [line for paragraph in paragraphs(text) for line in (paragraph, "")]


def html(report: Report) -> str:
    """The report as one HTML file that needs nothing beside it."""
    from jinja2 import Environment

    # Autoescaping: ids and reasons come from cards and model packages.
    template = Environment(autoescape=True).from_string(_TEMPLATE)
    return template.render(
        report=report,
        tally=tally(report.claims),
        claims=_claim_table(report.claims),
        paragraphs=paragraphs,
        encode=lambda png: base64.b64encode(png).decode(),
    )


_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ report.title }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff; }
table { border-collapse: collapse; font-size: .85rem; margin: .5rem 0 1.5rem; display: block;
  overflow-x: auto; }
th, td { border-bottom: 1px solid #d0d7de; padding: .3rem .6rem; text-align: left;
  vertical-align: top; }
figure { margin: 1rem 0; } img { max-width: 100%; }
figcaption { font-size: .85rem; color: #57606a; }
.reproduced { color: #116329; } .not-reproduced { color: #a40e26; } .undecided { color: #7d4e00; }
.not-testable-here { color: #57606a; }
</style></head><body>
<h1>{{ report.title }}</h1>
{% for paragraph in paragraphs(report.preface) %}<p>{{ paragraph }}</p>{% endfor %}
{% if report.claims %}<h2>Claims of the paper</h2><p>{{ tally }}.</p>
<table><thead><tr>{% for cell in claims.head %}<th>{{ cell }}</th>{% endfor %}</tr></thead><tbody>
{% for row in claims.rows %}<tr>{% for cell in row %}
<td{% if loop.index == 2 %} class="{{ cell.replace(' ', '-') }}"{% endif %}>{{ cell }}</td>
{% endfor %}</tr>{% endfor %}</tbody></table>{% endif %}
{% for section in report.sections %}<h2 id="{{ section.id }}">{{ section.title }}</h2>
{% for paragraph in paragraphs(section.text) %}<p>{{ paragraph }}</p>{% endfor %}
{% for figure in section.figures %}<figure>
<img alt="{{ figure.caption }}" src="data:image/png;base64,{{ encode(figure.png) }}">
<figcaption>{{ figure.caption }}</figcaption></figure>{% endfor %}
{% for table in section.tables %}<p><strong>{{ table.caption }}</strong></p>
<table><thead><tr>{% for cell in table.head %}<th>{{ cell }}</th>{% endfor %}</tr></thead><tbody>
{% for row in table.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>{% endfor %}
{% endfor %}</body></html>
"""
