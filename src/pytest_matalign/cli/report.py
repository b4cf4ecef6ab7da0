"""`matalign report` and `matalign figures`: a scorecard for looking at and for papers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.report.companion import Companion
    from pytest_matalign.scorecard.model import Scorecard


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare both commands."""
    report = commands.add_parser("report", help="a scorecard as one self-contained HTML file")
    report.add_argument("scorecard", type=Path)
    report.add_argument("-o", "--output", type=Path, default=Path("report.html"), metavar="FILE")
    report.add_argument("--baseline", type=Path, metavar="JSON", help="an earlier scorecard")
    report.add_argument("--baseline-store", type=Path, metavar="DIR", help="its store")
    _add_sources(report)
    report.add_argument(
        "--quick", action="store_true", help="without the tree and the figure of accuracy"
    )
    report.set_defaults(run=_report)

    figures = commands.add_parser("figures", help="figures for a paper, one file each")
    figures.add_argument("scorecard", type=Path)
    figures.add_argument("-o", "--output", type=Path, default=Path("figures"), metavar="DIR")
    figures.add_argument("--format", choices=("svg", "pdf", "png"), default="svg")
    figures.add_argument(
        "--columns", type=int, choices=(1, 2), default=1, help="width in columns of a page"
    )
    _add_sources(figures)
    figures.set_defaults(run=_figures, baseline_store=None)


def _add_sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="embedding store of the run (default: $MATALIGN_CACHE or the user's cache)",
    )
    parser.add_argument("--no-store", action="store_true", help="only what the scorecard holds")
    parser.add_argument("--pack", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--candidate-file", type=Path, metavar="NPZ")
    parser.add_argument(
        "--split",
        type=Path,
        action="append",
        default=[],
        metavar="TOML",
        help="card of a split that is not bundled; may be repeated",
    )


def _report(options: argparse.Namespace) -> int:
    from pytest_matalign.report.page import write_html
    from pytest_matalign.scorecard.model import read_scorecard

    scorecard = read_scorecard(options.scorecard)
    baseline = read_scorecard(options.baseline) if options.baseline else None
    companion = _companion(options, scorecard, baseline=baseline, analyses=not options.quick)
    write_html(scorecard, options.output, companion=companion, baseline=baseline)
    for note in companion.left_out if companion else ():
        sys.stderr.write(f"matalign: {note}\n")
    sys.stdout.write(f"written: {options.output}\n")
    return 0


def _figures(options: argparse.Namespace) -> int:
    from pytest_matalign.report.figures import write_figures
    from pytest_matalign.scorecard.model import read_scorecard

    scorecard = read_scorecard(options.scorecard)
    companion = _companion(options, scorecard, baseline=None, analyses=True)
    for path in write_figures(
        scorecard,
        options.output,
        file_format=options.format,
        columns=options.columns,
        companion=companion,
    ):
        sys.stdout.write(f"written: {path}\n")
    return 0


def _companion(
    options: argparse.Namespace,
    scorecard: Scorecard,
    *,
    baseline: Scorecard | None,
    analyses: bool,
) -> Companion | None:
    from pytest_matalign.cache import cache_root
    from pytest_matalign.embeddings.files import EmbeddingFile
    from pytest_matalign.embeddings.obtain import Door
    from pytest_matalign.embeddings.store import Store
    from pytest_matalign.progress import embedding_line
    from pytest_matalign.report.companion import build_companion
    from pytest_matalign.splits.card import read_card

    if options.no_store:
        return None
    doors = [
        Door(store=Store(folder), progress=embedding_line)
        for folder in (options.store or cache_root(), options.baseline_store)
        if folder
    ]
    file, candidate = options.candidate_file, scorecard.candidate
    return build_companion(
        scorecard,
        door=doors[0],
        split_files={read_card(path).id: path for path in options.split},
        baseline=baseline,
        baseline_door=doors[-1],
        packs=_packs(options.pack),
        own=EmbeddingFile(candidate, file) if file and candidate else None,
        analyses=analyses,
    )


def _packs(folders: list[Path]) -> list[Pack]:
    from pytest_matalign.embeddings.pack import Pack, bundled_pack

    bundled = bundled_pack()
    return [*map(Pack, folders), *([bundled] if bundled else [])]
