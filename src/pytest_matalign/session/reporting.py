"""Gather records as they arrive and, at the end, write every form of the scorecard."""

from __future__ import annotations

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
        for path in (self._session.settings.json, *self._session.settings.markdown):
            if path:
                terminalreporter.write_line(f"written: {path}")
