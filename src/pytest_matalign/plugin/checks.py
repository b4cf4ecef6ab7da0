"""What the fixtures hand to a test: a record, and the one question to ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import pytest

from pytest_matalign.escaping import terminal, terminal_lines
from pytest_matalign.plugin.records import remember
from pytest_matalign.plugin.stash import SESSION
from pytest_matalign.verdicts.verdict import fails

if TYPE_CHECKING:
    from pytest_matalign.plugin.session import MatalignSession
    from pytest_matalign.statistics.alignment import Alignment
    from pytest_matalign.suites.cases import Case, EmbeddingCase
    from pytest_matalign.verdicts.records import AlignmentRecord, EmbeddingRecord

_TRACEBACK = 20_000
"""Characters of what a model raised that are shown, from the end; it may be anything."""


@dataclass(frozen=True)
class EmbeddingCheck:
    """A model that embedded a split."""

    record: EmbeddingRecord

    def must_cover(self, fraction: float) -> None:
        """Fail unless the model accepted at least this fraction of the split."""
        if self.record.n < fraction * self.record.requested:
            reasons = "; ".join(f"{reason} ({n})" for reason, n in self.record.refused.items())
            _fail(
                f"{self.record.model} accepted {self.record.n} of {self.record.requested} samples "
                f"of {self.record.split}: {reasons}"
            )


@dataclass(frozen=True)
class AlignmentCheck:
    """Two models compared."""

    record: AlignmentRecord

    @property
    def alignment(self) -> Alignment:
        """What was measured: value, interval, null, n and k."""
        assert self.record.alignment is not None, "a test gets no pair that was not measured"
        return self.record.alignment

    def must_meet_expectations(self) -> None:
        """Fail if the verdict is a failing one; the reason holds value, interval and source."""
        if fails(self.record):
            _fail(self.record.reason)


def check_embedding(request: pytest.FixtureRequest, case: EmbeddingCase) -> EmbeddingCheck:
    """Embed a case for a test: skip if the model cannot be had, fail if it misbehaves."""
    session = _session(request)
    record = session.evaluator.embedding_record(case)
    remember(request.node, record)
    if record.verdict == "error" and (
        cause := session.evaluator.measurer.traceback(case.model, case.split)
    ):
        request.node.add_report_section("setup", "traceback", terminal_lines(cause[-_TRACEBACK:]))
    _stop_unless_measured(record)
    if fails(record):
        _fail(record.reason)
    return EmbeddingCheck(record)


def check_alignment(request: pytest.FixtureRequest, case: Case) -> AlignmentCheck:
    """Compare a case for a test: skip if a model cannot be had."""
    record = _session(request).evaluator.alignment_record(case)
    remember(request.node, record)
    _stop_unless_measured(record)
    return AlignmentCheck(record)


def _session(request: pytest.FixtureRequest) -> MatalignSession:
    return request.config.stash[SESSION]


def _stop_unless_measured(record: AlignmentRecord | EmbeddingRecord) -> None:
    if record.verdict == "skipped":
        pytest.skip(terminal(record.reason))
    if record.tolerated:
        pytest.xfail(terminal(f"counted in the error budget of {record.suite}: {record.reason}"))
    if record.verdict == "error":
        _fail(record.reason)


def _fail(reason: str) -> NoReturn:
    # The reason says it all; a traceback through this package would not help anyone.
    pytest.fail(terminal(reason), pytrace=False)
