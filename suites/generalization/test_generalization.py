"""Agreement of potentials from equilibrium outwards, on the same crystals."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_matalign.plugin.checks import AlignmentCheck, EmbeddingCheck


def test_embedding(matalign_embedding: EmbeddingCheck) -> None:
    """A model embeds at least half of a split, however far from equilibrium."""
    matalign_embedding.must_cover(0.5)


def test_alignment(matalign_alignment: AlignmentCheck) -> None:
    """Two models agree as far as the suite expects at this distance from equilibrium."""
    matalign_alignment.must_meet_expectations()
