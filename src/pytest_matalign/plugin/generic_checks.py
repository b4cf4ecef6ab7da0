"""The checks of a suite that brings no test module of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_matalign.plugin.checks import AlignmentCheck, EmbeddingCheck


def test_embedding(matalign_embedding: EmbeddingCheck) -> None:
    """The model embeds at least half of the split."""
    matalign_embedding.must_cover(0.5)


def test_alignment(matalign_alignment: AlignmentCheck) -> None:
    """The two models agree as far as the suite expects, beyond the doubt of the interval."""
    matalign_alignment.must_meet_expectations()
