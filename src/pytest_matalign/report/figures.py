"""Figures for papers, by matplotlib: vector text, sizes of a page's columns, safe colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.report import figures_drawing as drawing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.figure import Figure

    from pytest_matalign.report.companion import Companion
    from pytest_matalign.scorecard.model import Scorecard

INCH_MM = 25.4
WIDTH_MM = {1: 89.0, 2: 183.0}
"""Widths of one and two columns, as Nature and many other journals set them."""
STYLE: dict[str, Any] = {
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "font.family": "sans-serif",
    "font.sans-serif": ["Arial", "Helvetica", "DejaVu Sans"],
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text in SVG
    "pdf.fonttype": 42,  # and TrueType, not outlines, in PDF
    "svg.hashsalt": "pytest-matalign",  # the same file from the same scorecard
    "figure.constrained_layout.use": True,
}


def write_figures(
    scorecard: Scorecard,
    folder: Path,
    *,
    file_format: str = "svg",
    columns: int = 1,
    companion: Companion | None = None,
) -> list[Path]:
    """Write every figure the scorecard has data for, and return the files.

    In one or two columns of a page; intrinsic dimensions, accuracy and the tree need a companion.

    Raises:
        ConfigurationError: If matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        raise ConfigurationError(
            "Figures are drawn by matplotlib, which is not installed; "
            "pip install 'pytest-matalign[figures]'."
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    width = WIDTH_MM[columns] / INCH_MM
    fonts = [name for name in STYLE["font.sans-serif"] if _has_font(name)]
    settings: Any = {**STYLE, "font.sans-serif": fonts}
    with mpl.rc_context(settings):
        for name, figure in _figures(scorecard, companion, width):
            path = folder / f"{name}.{file_format}"
            # Dates and versions would make two runs of the same work differ.
            blank = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(file_format)
            figure.savefig(path, dpi=300, metadata=blank)
            written.append(path)
    return written


def _figures(
    scorecard: Scorecard, companion: Companion | None, width: float
) -> Iterator[tuple[str, Figure]]:
    for draw in (drawing.ladders, drawing.matrices, drawing.planes, drawing.regimes):
        yield from draw(scorecard, width)
    if companion is not None:
        for draw_beside in (drawing.dimensions, drawing.accuracies, drawing.trees):
            yield from draw_beside(scorecard, companion, width)


def _has_font(name: str) -> bool:
    from matplotlib.font_manager import fontManager

    return name in fontManager.get_font_names()
