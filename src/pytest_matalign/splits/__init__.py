"""Named, versioned, ordered lists of samples: bundled, built larger, or the user's own."""

from __future__ import annotations

from pytest_matalign.splits.card import Label, SplitCard
from pytest_matalign.splits.catalogue import describe_splits, split_card, split_cards
from pytest_matalign.splits.load import load_split
from pytest_matalign.splits.sample import Input, Sample
from pytest_matalign.splits.split import Split

__all__ = [
    "Input",
    "Label",
    "Sample",
    "Split",
    "SplitCard",
    "describe_splits",
    "load_split",
    "split_card",
    "split_cards",
]
