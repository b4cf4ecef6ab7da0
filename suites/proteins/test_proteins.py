"""Proteins as sequence models see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_matalign.plugin.checks import AlignmentCheck, EmbeddingCheck


def test_embedding(matalign_embedding: EmbeddingCheck) -> None:
    """A model embeds at least half of a split; what it refuses is counted by reason."""
    matalign_embedding.must_cover(0.5)


def test_alignment(matalign_alignment: AlignmentCheck) -> None:
    """Two models agree as far as the suite expects, beyond the doubt of the interval."""
    matalign_alignment.must_meet_expectations()
