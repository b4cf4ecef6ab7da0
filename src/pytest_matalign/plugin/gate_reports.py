"""Show a gate as a test of its own: in the summary, in JUnit, to `--lf`, and to the exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from pytest_matalign.escaping import terminal
from pytest_matalign.verdicts.verdict import fails

if TYPE_CHECKING:
    from pytest_matalign.verdicts.records import GateRecord


def report_gate(session: pytest.Session, gate: GateRecord) -> None:
    """Send the reports a test would: set-up, call, tear-down.

    Only with all three do terminal, JUnit and the cache of failures treat it as a test, whether
    the checks ran here or on workers.
    """
    hook = session.config.hook
    path, _, name = gate.node_id.partition("::")
    location = (path, None, name)
    hook.pytest_runtest_logstart(nodeid=gate.node_id, location=location)
    for when in ("setup", "call", "teardown"):
        report = pytest.TestReport(
            nodeid=gate.node_id,
            location=location,
            keywords={name: 1, "matalign": 1},
            outcome=_outcome(gate) if when == "call" else "passed",
            longrepr=_text(gate, path) if when == "call" else None,
            when=when,
            user_properties=[("matalign_verdict", gate.verdict)],
        )
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=gate.node_id, location=location)


def _outcome(gate: GateRecord) -> Literal["passed", "failed", "skipped"]:
    if gate.verdict == "skipped":
        return "skipped"
    return "failed" if fails(gate) else "passed"


def _text(gate: GateRecord, path: str) -> str | tuple[str, int, str] | None:
    """What pytest shows: a reason if it failed, and where and why if it was skipped."""
    if gate.verdict == "skipped":
        return (path, 0, f"Skipped: {terminal(gate.reason)}")
    return terminal(gate.reason) if fails(gate) else None
