"""`matalign study`: the paper's findings taken again with the models at hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.cache import cache_root

if TYPE_CHECKING:
    import argparse

NAMES = (
    "paper",
    "regimes",
    "convergence",
    "dimension",
    "lineage",
    "modality",
    "sensitivity",
    "atoms",
    "labels",
    "selection",
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "study", help="take the paper's findings again with the models installed here"
    )
    parser.add_argument("name", choices=NAMES, help="all of it (paper), or one section")
    parser.add_argument("--out", type=Path, default=Path("matalign-study"), metavar="DIR")
    parser.add_argument("--store", type=Path, metavar="DIR", help="folder of the embedding store")
    parser.add_argument("--samples", type=int, metavar="N", help="of the large splits (200)")
    parser.add_argument(
        "--jobs", type=int, default=2, metavar="N", help="processes that share the work (2)"
    )
    parser.add_argument(
        "--no-energies", action="store_true", help="measure performance by probes alone"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from pytest_matalign.study.run import run_study

    written = run_study(
        options.name,
        store=options.store or cache_root(),
        out=options.out,
        samples=options.samples,
        energies=not options.no_energies,
        jobs=options.jobs,
    )
    for path in written[:2]:
        sys.stdout.write(f"{path}\n")
    return 0
