"""Write every form of the scorecard that a run was asked for; the same for pytest and `gate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.scorecard.model import Scorecard, write_scorecard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.run.suite_run import SuiteRun


def write_outputs(run: SuiteRun, scorecard: Scorecard) -> list[str]:
    """Write the files asked for, and the baseline where an update was; return what to tell."""
    settings = run.settings
    if settings.json:
        write_scorecard(scorecard, settings.json)
    if settings.markdown:
        from pytest_matalign.scorecard.markdown import render

        text = render(scorecard)
        for path in settings.markdown:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Appended, because a step summary is shared with other steps of the job.
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
    if settings.html:
        _write_page(run, scorecard, settings.html)
    if settings.badge:
        from pytest_matalign.scorecard.badge import badge

        settings.badge.parent.mkdir(parents=True, exist_ok=True)
        settings.badge.write_text(badge(scorecard), encoding="utf-8")
    written = (settings.json, settings.html, settings.badge, *settings.markdown)
    told = [f"written: {path}" for path in written if path]
    if settings.update and scorecard.candidate:
        from pytest_matalign.run.baseline_update import update

        told.append(f"baseline {run.baseline.path}: {update(run, scorecard).in_words()}")
    return told


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
