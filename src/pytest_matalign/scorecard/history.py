"""Scorecards of one model's releases side by side: a table, and a page with a line per split."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.scorecard.summary import failures, with_references

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.statistics.alignment import Alignment

WIDTH, HEIGHT, EDGE = 640, 150, 30
STYLE = (
    "body{font:15px system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark}table{border-collapse:collapse}td,th{padding:.2rem .7rem;"
    "text-align:left}svg{width:100%}polyline{fill:none;stroke:currentColor;stroke-width:2}"
    "line{stroke:currentColor;opacity:.4}text{font-size:11px;fill:currentColor}"
)


class Point(NamedTuple):
    """One release in one series."""

    release: str
    value: float
    low: float
    high: float


class Series(NamedTuple):
    """One quantity over releases; a release it was not measured for has no point."""

    title: str
    points: tuple[Point, ...]


def history(cards: Mapping[str, Scorecard]) -> list[Series]:
    """Return the candidate's alignment and self-check over releases.

    An alignment is a mean over the references that all releases which measured the split have, by
    one estimator on equally many samples; others would make another mean. The self-check is the
    share of neighbours kept since the baseline of the time.

    Args:
        cards: Scorecards by the name of the release, in their order.

    Raises:
        ConfigurationError: Fewer than two have a candidate.
    """
    runs = {name: card for name, card in cards.items() if card.candidate is not None}
    if len(runs) < 2:
        raise ConfigurationError(
            "A history needs the scorecards of at least two runs with a candidate."
        )
    return [*_alignments(runs), *_kept(runs)]


def _alignments(runs: Mapping[str, Scorecard]) -> list[Series]:
    found: dict[tuple[str, str], dict[str, dict[str, Alignment]]] = {}
    for name, card in runs.items():
        for record, other, one in with_references(card):
            releases = found.setdefault((record.split, one.metric), {})
            releases.setdefault(name, {})[other] = one
    return [
        series
        for (split, metric), releases in found.items()
        if len(releases) > 1 and (series := _means(split, metric, releases))
    ]


def _means(
    split: str, metric: str, releases: Mapping[str, Mapping[str, Alignment]]
) -> Series | None:
    common = [
        reference
        for reference in set.intersection(*map(set, releases.values()))
        if len({_measure(found[reference]) for found in releases.values()}) == 1
    ]
    if not common:
        return None
    points = []
    for name, found in releases.items():
        used = [found[reference] for reference in sorted(common)]
        ends = [(one.value, one.low, one.high) for one in used]
        points.append(Point(name, *(sum(column) / len(used) for column in zip(*ends, strict=True))))
    sizes = sorted({one.n for one in used})
    n = "–".join(map(str, dict.fromkeys((sizes[0], sizes[-1]))))
    k = f", k = {used[0].k}" if used[0].k is not None else ""
    title = f"{metric} on {split}, mean over {len(common)} references, n = {n}{k}"
    return Series(title, tuple(points))


def _measure(one: Alignment) -> tuple[object, ...]:
    """What has to be the same of two alignments that are compared."""
    return (one.estimator, one.k, one.n, one.preprocess)


def _kept(runs: Mapping[str, Scorecard]) -> list[Series]:
    found: dict[str, dict[str, Point]] = {}
    for name, card in runs.items():
        for record in card.embeddings:
            if record.drift is not None:
                kept = record.drift.overlap
                found.setdefault(record.split, {})[name] = Point(name, kept, kept, kept)
    return [
        Series(f"neighbours kept since the baseline on {split}", tuple(points.values()))
        for split, points in found.items()
    ]


def table(cards: Mapping[str, Scorecard]) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of a table, a row per quantity and a column per release."""
    return _table(cards, history(cards))


def _table(
    cards: Mapping[str, Scorecard], series: Sequence[Series]
) -> tuple[list[str], list[list[str]]]:
    names = [name for name, card in cards.items() if card.candidate is not None]
    rows = [["failures", *(str(len(failures(cards[name]))) for name in names)]]
    for one in series:
        values = {point.release: f"{point.value:.3f}" for point in one.points}
        rows.append([one.title, *(values.get(name, "–") for name in names)])
    return ["", *names], rows


def page(cards: Mapping[str, Scorecard]) -> str:
    """Return a self-contained page: the table, and a drawing per quantity."""
    series = history(cards)
    head, rows = _table(cards, series)
    drawings = "".join(f"<h2>{escape(one.title)}</h2>{_drawing(one, head[1:])}" for one in series)
    cells = "".join(
        f"<tr><th scope=row>{escape(row[0])}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        for row in rows
    )
    heads = "".join(f"<th scope=col>{escape(name)}</th>" for name in head)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
        f'content="width=device-width"><title>Alignment over releases</title><style>{STYLE}</style>'
        f"<h1>Alignment over releases</h1><table><tr>{heads}</tr>{cells}</table>{drawings}</html>\n"
    )


def _drawing(series: Series, names: Sequence[str]) -> str:
    """Points with their intervals, from the lowest to the highest of them."""
    low = min(point.low for point in series.points)
    high = max(point.high for point in series.points)
    span = (high - low) or 1.0
    step = (WIDTH - 2 * EDGE) / max(len(names) - 1, 1)

    def x(point: Point) -> float:
        return EDGE + step * names.index(point.release)

    def y(value: float) -> float:
        return HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value - low) / span

    line = " ".join(f"{x(point):.1f},{y(point.value):.1f}" for point in series.points)
    marks = "".join(
        f'<line x1="{x(p):.1f}" x2="{x(p):.1f}" y1="{y(p.low):.1f}" y2="{y(p.high):.1f}"/>'
        f'<circle cx="{x(p):.1f}" cy="{y(p.value):.1f}" r="3"/>'
        f'<text x="{x(p):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(p.release)}</text>'
        f'<text x="{x(p):.1f}" y="{y(p.high) - 6:.1f}" text-anchor="middle">{p.value:.3f}</text>'
        for p in series.points
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(series.title)}">'
        f'<polyline points="{line}"/>{marks}</svg>'
    )
