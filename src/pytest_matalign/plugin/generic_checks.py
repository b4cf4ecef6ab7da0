"""The checks of a suite that brings no test module of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_matalign.plugin.checks import AlignmentCheck, EmbeddingCheck


def test_embedding(embedding: EmbeddingCheck) -> None:
    """The model embeds at least half of the split."""
    embedding.must_cover(0.5)


def test_alignment(alignment: AlignmentCheck) -> None:
    """The two models agree as far as the suite expects, beyond the doubt of the interval."""
    alignment.must_meet_expectations()
