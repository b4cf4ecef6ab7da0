"""Carry each check's record from the test that made it to the process that reports.

The record travels as one plain-JSON attribute of the test report, which xdist sends unchanged
from a worker to the controller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from pytest_matalign.scorecard.model import AlignmentRecord, EmbeddingRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Record = AlignmentRecord | EmbeddingRecord
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


class Ledger:
    """Every record of the run, put in the order of the suites whatever order they arrive in."""

    def __init__(self) -> None:
        self._alignments: dict[tuple[str, ...], AlignmentRecord] = {}
        self._embeddings: dict[tuple[str, str, str], EmbeddingRecord] = {}

    def gather(self, report: pytest.TestReport) -> None:
        """Take the record off a report, if it carries one."""
        carried: dict[str, Any] | None = getattr(report, ATTRIBUTE, None)
        if carried is None:
            return
        if carried["kind"] == "alignment":
            self.add(msgspec.convert(carried["record"], AlignmentRecord))
        else:
            self.add(msgspec.convert(carried["record"], EmbeddingRecord))

    def add(self, record: Record) -> None:
        """Take a record."""
        if isinstance(record, AlignmentRecord):
            self._alignments[_alignment_key(record)] = record
        else:
            self._embeddings[(record.suite, record.split, record.model)] = record

    def alignments(self, order: Iterable[Sequence[str]]) -> tuple[AlignmentRecord, ...]:
        """Alignments in the given order of (suite, split, a, b, metric)."""
        return tuple(self._alignments[key] for key in map(tuple, order) if key in self._alignments)

    def embeddings(self, order: Iterable[tuple[str, str, str]]) -> tuple[EmbeddingRecord, ...]:
        """Embeddings in the given order of (suite, split, model)."""
        return tuple(self._embeddings[key] for key in order if key in self._embeddings)


def _alignment_key(record: AlignmentRecord) -> tuple[str, ...]:
    return (record.suite, record.split, record.a, record.b, record.metric)
