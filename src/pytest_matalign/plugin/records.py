"""Carry each check's record from the test that made it to the process that reports.

The record travels as one plain-JSON attribute of the test report, which xdist sends unchanged
from a worker to the controller.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pytest_matalign.run.ledger import Record
from pytest_matalign.scorecard.model import AlignmentRecord, EmbeddingRecord

RECORD = pytest.StashKey[Record]()
ATTRIBUTE = "matalign_record"


def remember(node: pytest.Item, record: Record) -> None:
    """Keep a record with its test, and its main figures as JUnit properties."""
    node.stash[RECORD] = record
    node.user_properties.append(("matalign_verdict", record.verdict))
    if isinstance(record, AlignmentRecord) and record.value is not None:
        node.user_properties.append(("matalign_value", f"{record.value:.6f}"))
        node.user_properties.append(("matalign_interval", f"{record.low:.6f} {record.high:.6f}"))
    node.user_properties.append(("matalign_n", str(record.n)))


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Put the record on the one report of a test that carries its outcome."""
    decisive = report.when == "call" or (report.when == "setup" and not report.passed)
    if decisive and RECORD in item.stash:
        record = item.stash[RECORD]
        kind = "alignment" if isinstance(record, AlignmentRecord) else "embedding"
        setattr(report, ATTRIBUTE, {"kind": kind, "record": msgspec.to_builtins(record)})


def carried(report: pytest.TestReport) -> Record | None:
    """Take the record off a report, if it carries one."""
    found: dict[str, Any] | None = getattr(report, ATTRIBUTE, None)
    if found is None:
        return None
    if found["kind"] == "alignment":
        return msgspec.convert(found["record"], AlignmentRecord)
    return msgspec.convert(found["record"], EmbeddingRecord)
