"""The outcome of a run as a small SVG, for a README."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from pytest_matalign.scorecard.summary import failures, verdict_counts
from pytest_matalign.verdicts.records import measured
from pytest_matalign.verdicts.verdict import HOLDING

if TYPE_CHECKING:
    from pytest_matalign.scorecard.model import Scorecard

LABEL = "alignment"
RED, GREEN, AMBER, GREY = "#b3261e", "#2e7d32", "#8d6e00", "#5f6368"
CHARACTER_PX = 6.6
"""Width reserved for a character at 11 px; SVG then fits the text into what was reserved."""


def badge(scorecard: Scorecard) -> str:
    """SVG of a scorecard: how many of its alignments hold, in a colour that says how it went."""
    text, colour = message(scorecard)
    left, right = (round(len(part) * CHARACTER_PX) + 12 for part in (LABEL, text))
    width = left + right
    name = escape(f"{LABEL}: {text}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" '
        f'aria-label="{name}"><title>{name}</title>'
        f'<clipPath id="r"><rect width="{width}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#3c4043"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" '
        f'text-anchor="middle">{_text(LABEL, left / 2, left - 12)}'
        f"{_text(text, left + right / 2, right - 12)}</g></svg>\n"
    )


def message(scorecard: Scorecard) -> tuple[str, str]:
    """Return what a badge says, and in which colour."""
    if found := failures(scorecard):
        return f"{len(found)} failing", RED
    held = [record for record, _ in measured(scorecard.alignments)]
    if not held:
        return "nothing measured", GREY
    counts = verdict_counts(held)
    decided = sum(counts[verdict] for verdict in HOLDING)
    if not decided:
        return f"{len(held)} measured", GREY
    if counts["undecided"]:
        return f"{decided} hold, {counts['undecided']} undecided", AMBER
    return f"{decided} hold", GREEN


def _text(text: str, middle: float, length: float) -> str:
    return f'<text x="{middle:g}" y="14" textLength="{length:g}">{escape(text)}</text>'
