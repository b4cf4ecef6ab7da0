"""Figures of a study, drawn by matplotlib without a display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import numpy as np

from pytest_matalign.analysis.interval import Interval
from pytest_matalign.errors import UnavailableError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.report.order import clustered
from pytest_matalign.study.report import Figure


def _canvas(width: float, height: float, *, columns: int = 1) -> tuple[Any, list[Any]]:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Sheet
    except ImportError:
        raise UnavailableError(
            "Figures are drawn by matplotlib, which is not installed; "
            "pip install 'pytest-matalign[figures]'."
        ) from None
    sheet: Any = Sheet(figsize=(width * columns, height), layout="constrained")
    FigureCanvasAgg(sheet)
    return sheet, list(np.atleast_1d(sheet.subplots(1, columns)))


def _done(sheet: Any, name: str, caption: str) -> Figure:
    from matplotlib import rc_context

    buffer = StringIO()
    # Text stays text, to be searched and copied; without date and random ids the same numbers give
    # the same file.
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": name}
    with rc_context(settings):
        sheet.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return Figure(name=name, caption=caption, svg=buffer.getvalue())


def heatmap(matrix: Float64, models: Sequence[str], *, name: str, caption: str) -> Figure:
    """Alignment of all pairs, ordered by average-linkage clustering."""
    gaps = np.clip(1 - (matrix + matrix.T) / 2, 0, None)
    np.fill_diagonal(gaps, 0)
    order, _ = clustered(gaps)
    side = 2.5 + 0.27 * len(models)
    sheet, (axes,) = _canvas(side + 0.8, side)
    shown = axes.imshow(matrix[np.ix_(order, order)], vmin=0, vmax=1, cmap="viridis")
    labels = [models[i] for i in order]
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    sheet.colorbar(shown, ax=axes, shrink=0.7)
    return _done(sheet, name, caption)


def grid(
    matrix: Float64, rows: Sequence[str], columns: Sequence[str], *, name: str, caption: str
) -> Figure:
    """A matrix (rows, columns) as it is, with its numbers."""
    sheet, (axes,) = _canvas(2.5 + 0.6 * len(columns), 1.8 + 0.45 * len(rows))
    shown = axes.imshow(matrix, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", fontsize=7)
    axes.set_yticks(range(len(rows)), rows, fontsize=7)
    for i, row in enumerate(matrix):
        for j, value in enumerate(row):
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=7, color="white")
    sheet.colorbar(shown, ax=axes, shrink=0.7)
    return _done(sheet, name, caption)


def scatter(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]],
    *,
    name: str,
    caption: str,
    x: str,
    y: str,
    unit_square: bool = False,
) -> Figure:
    """Points by group in one panel or several; `panels` maps titles to groups to points."""
    sheet, axes = _canvas(4.6, 4.2, columns=len(panels))
    for place, (title, groups) in zip(axes, panels.items(), strict=True):
        for group, points in groups.items():
            if points:
                place.scatter(*zip(*points, strict=True), s=22, alpha=0.75, label=group)
        _label(place, title, x, y)
        if unit_square:
            place.set_xlim(0, 1.1)
            place.set_ylim(0, 1.1)
            place.plot([0, 1.1], [0, 1.1], lw=0.5, color="grey")
    return _done(sheet, name, caption)


def _label(axes: Any, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.legend(fontsize=7)


def _bars(found: Sequence[Interval]) -> tuple[list[float], Float64]:
    """Values (n,), and how far their intervals reach down and up (2, n)."""
    ends = np.array([[one.value - one.low, one.high - one.value] for one in found]).T
    return [one.value for one in found], np.maximum(ends, 0)


def intervals(rows: Sequence[tuple[str, Interval]], *, name: str, caption: str, x: str) -> Figure:
    """One number a row, with its interval."""
    sheet, (axes,) = _canvas(6.5, 1.2 + 0.22 * len(rows))
    places = np.arange(len(rows))[::-1]
    values, ends = _bars([one for _, one in rows])
    axes.errorbar(values, places, xerr=ends, fmt="o", ms=4, capsize=2)
    axes.set_yticks(places, [label for label, _ in rows], fontsize=7)
    axes.set_xlabel(x)
    axes.grid(axis="x", lw=0.3)
    return _done(sheet, name, caption)


def curves(
    panels: Mapping[str, Mapping[str, Sequence[tuple[float, Interval]]]],
    *,
    name: str,
    caption: str,
    x: str,
    y: str,
) -> Figure:
    """Lines with interval bars; `panels` maps titles to lines to (x, interval) pairs."""
    sheet, axes = _canvas(4.4, 3.8, columns=len(panels))
    for place, (title, lines) in zip(axes, panels.items(), strict=True):
        for label, points in lines.items():
            values, ends = _bars([one for _, one in points])
            places = [place_x for place_x, _ in points]
            place.errorbar(places, values, yerr=ends, marker="o", ms=4, capsize=2, label=label)
        _label(place, title, x, y)
        place.grid(lw=0.3)
    return _done(sheet, name, caption)


def tree(newick: str, *, name: str, caption: str) -> Figure:
    """A tree with the support of its branches, in percent."""
    try:
        from Bio import Phylo
    except ImportError:
        raise UnavailableError(
            "Trees are drawn by Biopython, which is not installed; "
            "pip install 'pytest-matalign[figures]'."
        ) from None
    library: Any = Phylo
    grown = library.read(StringIO(newick), "newick")
    grown.ladderize()
    sheet, (axes,) = _canvas(7.5, 1.2 + 0.26 * grown.count_terminals())
    library.draw(grown, axes=axes, do_show=False)
    axes.set_ylabel("")
    axes.set_yticks([])
    axes.set_xlabel("square root of the Jensen-Shannon divergence")
    for text in axes.texts:
        text.set_fontsize(7)
    return _done(sheet, name, caption)
