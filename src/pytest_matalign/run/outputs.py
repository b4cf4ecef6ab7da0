"""Write every form of the scorecard that a run was asked for; the same for pytest and `gate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.cache import write_output
from pytest_matalign.errors import MatalignError, file_errors
from pytest_matalign.scorecard.model import Scorecard, write_scorecard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_matalign.run.suite_run import SuiteRun


def write_outputs(run: SuiteRun, scorecard: Scorecard) -> tuple[list[str], list[str]]:
    """Write the files asked for, and the baseline where an update was.

    Returns:
        What to tell of those written, and what went wrong; each is tried, whatever became of the
        others.
    """
    told, wrong = [], []
    for path, write in _writers(run, scorecard):
        try:
            with file_errors(path):
                told.append(write(path))
        except MatalignError as error:
            wrong.append(f"not written: {error}")
    return told, wrong


def _writers(run: SuiteRun, scorecard: Scorecard) -> Iterator[tuple[Path, Callable[[Path], str]]]:
    settings = run.settings

    def json(path: Path) -> str:
        write_scorecard(scorecard, path)
        return f"written: {path}"

    def markdown(path: Path) -> str:
        from pytest_matalign.scorecard.markdown import render

        path.parent.mkdir(parents=True, exist_ok=True)
        # Appended, because a step summary is shared with other steps of the job.
        with path.open("a", encoding="utf-8") as file:
            file.write(render(scorecard))
        return f"written: {path}"

    def html(path: Path) -> str:
        _write_page(run, scorecard, path)
        return f"written: {path}"

    def badge(path: Path) -> str:
        from pytest_matalign.scorecard.badge import badge

        write_output(path, badge(scorecard).encode())
        return f"written: {path}"

    def baseline(path: Path) -> str:
        from pytest_matalign.run.baseline_update import update

        return f"baseline {path}: {update(run, scorecard).in_words()}"

    for path, write in (
        (settings.json, json),
        *((path, markdown) for path in settings.markdown),
        (settings.html, html),
        (settings.badge, badge),
        (run.baseline.path if settings.update and scorecard.candidate else None, baseline),
    ):
        if path:
            yield path, write


def annotation_lines(scorecard: Scorecard) -> Iterator[str]:
    """Annotations for GitHub, in its own runs only."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from pytest_matalign.scorecard.annotations import workflow_commands

        yield from workflow_commands(scorecard)


def _write_page(run: SuiteRun, scorecard: Scorecard, path: Path) -> None:
    """Write the HTML report, with everything that takes seconds and not minutes."""
    from pytest_matalign.report.companion import build_companion
    from pytest_matalign.report.page import write_html

    companion = build_companion(
        scorecard,
        door=run.door,
        split_files={
            split.id: Path(split.file)
            for suite in run.suites.values()
            for split in suite.split
            if split.file
        },
        packs=run.packs if run.settings.references != "installed" else (),
        own=run.candidate.source if run.candidate else None,
        analyses=False,
    )
    write_html(scorecard, path, companion=companion)
