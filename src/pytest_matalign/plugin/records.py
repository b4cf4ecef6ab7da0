"""Carry each check's record from the test that made it to the process that reports.

The record travels as one plain-JSON attribute of the test report, which xdist sends unchanged
from a worker to the controller.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pytest_matalign.run.ledger import Record
from pytest_matalign.statistics.alignment import Alignment
from pytest_matalign.verdicts.records import AlignmentRecord, EmbeddingRecord

RECORD = pytest.StashKey[Record]()
ATTRIBUTE = "matalign_record"


def remember(node: pytest.Item, record: Record) -> None:
    """Keep a record with its test, and its main figures as JUnit properties."""
    node.stash[RECORD] = record
    node.user_properties.append(("matalign_verdict", record.verdict))
    found = record.alignment if isinstance(record, AlignmentRecord) else record
    if isinstance(found, Alignment):
        node.user_properties.append(("matalign_value", f"{found.value:.6f}"))
        node.user_properties.append(("matalign_interval", f"{found.low:.6f} {found.high:.6f}"))
    node.user_properties.append(("matalign_n", str(found.n if found else 0)))


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Put the record on the one report of a test that carries its outcome."""
    decisive = report.when == "call" or (report.when == "setup" and not report.passed)
    if decisive and report.passed and RECORD not in item.stash and _asks_for_a_case(item):
        report.outcome = "failed"
        report.longrepr = (
            "this check left no record: a fixture or a test module stands in the way of "
            "matalign_embedding or matalign_alignment."
        )
    if decisive and RECORD in item.stash:
        record = item.stash[RECORD]
        kind = "alignment" if isinstance(record, AlignmentRecord) else "embedding"
        setattr(report, ATTRIBUTE, {"kind": kind, "record": msgspec.to_builtins(record)})


def _asks_for_a_case(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    cases = {"matalign_embedding_case", "matalign_alignment_case"}
    return callspec is not None and not cases.isdisjoint(callspec.params)


def carried(report: pytest.TestReport) -> Record | None:
    """Take the record off a report, if it carries one."""
    found: dict[str, Any] | None = getattr(report, ATTRIBUTE, None)
    if found is None:
        return None
    if found["kind"] == "alignment":
        return msgspec.convert(found["record"], AlignmentRecord)
    return msgspec.convert(found["record"], EmbeddingRecord)
