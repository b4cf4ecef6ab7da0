"""Every record of a run, in the order of its suites whatever order they arrive in."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pytest_matalign.verdicts.records import AlignmentRecord, EmbeddingRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

Record: TypeAlias = AlignmentRecord | EmbeddingRecord


class Ledger:
    """Records by check; one that arrives again takes the place of the first."""

    def __init__(self) -> None:
        self._alignments: dict[tuple[str, ...], AlignmentRecord] = {}
        self._embeddings: dict[tuple[str, ...], EmbeddingRecord] = {}

    def add(self, record: Record) -> None:
        """Take a record."""
        if isinstance(record, AlignmentRecord):
            self._alignments[record.key] = record
        else:
            self._embeddings[record.key] = record

    def alignments(self, order: Iterable[tuple[str, ...]]) -> tuple[AlignmentRecord, ...]:
        """Return alignments in the given order of (suite, split, a, b, metric)."""
        return tuple(self._alignments[key] for key in order if key in self._alignments)

    def embeddings(self, order: Iterable[tuple[str, ...]]) -> tuple[EmbeddingRecord, ...]:
        """Return embeddings in the given order of (suite, split, model)."""
        return tuple(self._embeddings[key] for key in order if key in self._embeddings)
