"""Gather records as they arrive and, at the end, write every form of the scorecard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_matalign.plugin.gate_reports import report_gate
from pytest_matalign.plugin.records import carried
from pytest_matalign.run.outputs import annotation_lines, write_outputs

if TYPE_CHECKING:
    from collections.abc import Generator

    from pytest_matalign.plugin.session import MatalignSession
    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.verdicts.records import GateRecord


class Reporter:
    """Hooks of the process that talks to the user."""

    def __init__(self, session: MatalignSession, config: pytest.Config) -> None:
        self._session, self._config = session, config
        self._scorecard: Scorecard | None = None
        self._gates: list[GateRecord] = []
        self._told: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the record off a report, from this process or from a worker."""
        if (record := carried(report)) is not None:
            self._session.ledger.add(record)
            self._config.hook.pytest_matalign_record(config=self._config, record=record)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Judge the gates once every check is done, here or on the workers.

        A run that was interrupted does not get here, and one that collected nothing keeps its
        own exit status.
        """
        result = yield
        if session.config.option.collectonly or not session.testscollected:
            return result
        if getattr(session.config.option, "lf", False):
            failed = (
                session.config.cache.get("cache/lastfailed", {}) if session.config.cache else {}
            )
            self._session.complete(set(failed))
        judged, unjudged = self._session.gates_of(self._session.ledger)
        self._gates = [*judged, *unjudged]
        # Raised first, or the progress of the last ones would be above 100 %.
        session.testscollected += len(judged)
        for gate in judged:
            report_gate(session, gate)
        return result

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the files asked for, also after Ctrl-C: what is measured is kept."""
        if session.config.option.collectonly:
            return
        scorecard = self._session.scorecard(self._gates)
        if not scorecard.embeddings and not scorecard.alignments:
            return
        self._scorecard = scorecard
        self._config.hook.pytest_matalign_scorecard(config=self._config, scorecard=scorecard)
        told, wrong = write_outputs(self._session, scorecard)
        self._told = [*told, *wrong]
        if wrong and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> None:
        """Print the scorecard."""
        if self._scorecard is None:
            return
        from pytest_matalign.scorecard.terminal import lines

        terminalreporter.section("matalign scorecard")
        quiet = config.get_verbosity() < 0
        width = config.get_terminal_writer().fullwidth
        for line in lines(self._scorecard, width=width, quiet=quiet):
            terminalreporter.write_line(line.text, **line.markup)
        for told in (*self._told, *annotation_lines(self._scorecard)):
            terminalreporter.write_line(told)
