"""Options by which a command chooses suites and models: those of pytest, without the prefix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.progress import embedding_line
from pytest_matalign.run.settings import settings_of
from pytest_matalign.run.suite_run import SuiteRun

if TYPE_CHECKING:
    import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them; each is stored under the name pytest stores its own under."""
    add = parser.add_argument
    many = {"action": "append", "default": []}
    add("--suite", dest="matalign_suite", metavar="NAME|PATH", **many)  # type: ignore[arg-type]  # mypy cannot see through **
    add("--samples", dest="matalign_samples", metavar="N", type=int)
    add("--candidate", dest="matalign_candidate", metavar="SPEC")
    add("--models", dest="matalign_models", metavar="PATTERN", **many)  # type: ignore[arg-type]  # as above
    add("--store", dest="matalign_store", metavar="DIR")
    add("--references", dest="matalign_references", choices=("auto", "packs", "installed"))
    add("--pack", dest="matalign_pack", metavar="DIR", **many)  # type: ignore[arg-type]  # as above
    add(
        "--allow-pickle",
        dest="matalign_allow_pickle",
        action="store_true",
        help="read weights that can run code when they are read",
    )
    add("--update", dest="matalign_update", choices=("new", "regressed", "all"))
    add("--update-in-ci", dest="matalign_update_in_ci", action="store_true")
    add("--badge", dest="matalign_badge", metavar="FILE")
    add("--html", dest="matalign_html", metavar="FILE")
    add("--json", dest="matalign_json", metavar="FILE")
    add("--markdown", dest="matalign_markdown", metavar="FILE")


def run_of(options: argparse.Namespace) -> SuiteRun:
    """The run of a command in the host's folder, which holds `pyproject.toml`."""
    here = Path.cwd()
    given = {
        name.removeprefix("matalign_"): value
        for name, value in vars(options).items()
        if name.startswith("matalign_")
    }
    return SuiteRun(settings_of(given, root=here, here=here), progress=embedding_line)
