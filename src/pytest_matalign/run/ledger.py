"""Every record of a run, put in the order of the suites whatever order they arrive in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.scorecard.model import AlignmentRecord, EmbeddingRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Record = AlignmentRecord | EmbeddingRecord


class Ledger:
    """The records so far."""

    def __init__(self) -> None:
        self._alignments: dict[tuple[str, ...], AlignmentRecord] = {}
        self._embeddings: dict[tuple[str, str, str], EmbeddingRecord] = {}

    def add(self, record: Record) -> None:
        """Take a record; a later one of the same check replaces it."""
        if isinstance(record, AlignmentRecord):
            key = (record.suite, record.split, record.a, record.b, record.metric)
            self._alignments[key] = record
        else:
            self._embeddings[(record.suite, record.split, record.model)] = record

    def alignments(self, order: Iterable[Sequence[str]]) -> tuple[AlignmentRecord, ...]:
        """Return alignments in the given order of (suite, split, a, b, metric)."""
        return tuple(self._alignments[key] for key in map(tuple, order) if key in self._alignments)

    def embeddings(self, order: Iterable[tuple[str, str, str]]) -> tuple[EmbeddingRecord, ...]:
        """Return embeddings in the given order of (suite, split, model)."""
        return tuple(self._embeddings[key] for key in order if key in self._embeddings)
