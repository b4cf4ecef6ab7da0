"""`matalign compare`: two scorecards as a Markdown text, ready for a comment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare `matalign compare` and `matalign badge`."""
    compare = commands.add_parser("compare", help="what changed between two scorecards")
    compare.add_argument("before", type=Path, metavar="A.json")
    compare.add_argument("after", type=Path, metavar="B.json")
    compare.add_argument(
        "--fail",
        action="store_true",
        help="exit with 1 if a check fails in B that did not in A, or lost alignment beyond doubt",
    )
    compare.add_argument("--tolerance", type=float, help="loss still accepted (default: 0.02)")
    compare.set_defaults(run=_compare)

    badge = commands.add_parser("badge", help="an SVG badge of a scorecard")
    badge.add_argument("scorecard", type=Path)
    badge.set_defaults(run=_badge)


def _compare(options: argparse.Namespace) -> int:
    from pytest_matalign.scorecard.compare import compare, markdown
    from pytest_matalign.scorecard.model import read_scorecard
    from pytest_matalign.verdicts.regression import TOLERANCE

    tolerance = TOLERANCE if options.tolerance is None else options.tolerance
    found = compare(
        read_scorecard(options.before), read_scorecard(options.after), tolerance=tolerance
    )
    sys.stdout.write(markdown(found))
    return 1 if options.fail and found.worse else 0


def _badge(options: argparse.Namespace) -> int:
    from pytest_matalign.scorecard.badge import badge
    from pytest_matalign.scorecard.model import read_scorecard

    sys.stdout.write(badge(read_scorecard(options.scorecard)))
    return 0
