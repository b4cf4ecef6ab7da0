"""Gather records as they arrive and, at the end, write every form of the scorecard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.scorecard.model import Scorecard, write_json

if TYPE_CHECKING:
    import pytest

    from pytest_matalign.session.session import MatalignSession


class Reporter:
    """Hooks of the process that talks to the user."""

    def __init__(self, session: MatalignSession) -> None:
        self._session = session
        self._scorecard: Scorecard | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the record off a report, from this process or from a worker."""
        self._session.ledger.gather(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the files asked for, also after Ctrl-C: what is measured is kept."""
        if session.config.option.collectonly:
            return
        scorecard = self._session.scorecard()
        if not scorecard.embeddings and not scorecard.alignments:
            return
        self._scorecard = scorecard
        settings = self._session.settings
        if settings.json:
            write_json(scorecard, settings.json)
        if settings.markdown:
            from pytest_matalign.scorecard.markdown import render

            text = render(scorecard)
            for path in settings.markdown:
                path.parent.mkdir(parents=True, exist_ok=True)
                # Appended, because a step summary is shared with other steps of the job.
                with path.open("a", encoding="utf-8") as file:
                    file.write(text)
        if settings.html:
            self._write_page(scorecard, settings.html)

    def _write_page(self, scorecard: Scorecard, path: Path) -> None:
        """Write the HTML report, with everything that takes seconds and not minutes."""
        from pytest_matalign.scorecard.html import write_html
        from pytest_matalign.scorecard.report_companion import build_companion

        run = self._session
        companion = build_companion(
            scorecard,
            store=run.settings.store,
            split_files={
                split.id: Path(split.file)
                for suite in run.suites.values()
                for split in suite.split
                if split.file
            },
            packs=run.packs if run.settings.references != "installed" else (),
            candidate_file=run.candidate.file if run.candidate else None,
            analyses=False,
        )
        write_html(scorecard, path, companion=companion)

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> None:
        """Print the scorecard."""
        if self._scorecard is None:
            return
        from pytest_matalign.scorecard.terminal import lines

        terminalreporter.section("matalign scorecard")
        quiet = config.get_verbosity() < 0
        width = terminalreporter._tw.fullwidth
        for line in lines(self._scorecard, width=width, quiet=quiet):
            terminalreporter.write_line(line)
        settings = self._session.settings
        for path in (settings.json, settings.html, *settings.markdown):
            if path:
                terminalreporter.write_line(f"written: {path}")
