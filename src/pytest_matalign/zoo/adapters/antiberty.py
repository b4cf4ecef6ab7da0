"""AntiBERTy (Ruffolo et al. 2021, arXiv:2112.07782): a BERT over antibody residues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.zoo.adapters._support.tokens import TokenModel, by_vocabulary
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> TokenModel:
    """Load the plain BERT of the checkpoint; the package's own class only adds heads to it."""
    words = weight_files(card)[0].parent.parent / "vocab.txt"
    # One at a time: chains differ in length, and padding them costs more than batching saves.
    return by_vocabulary(
        card,
        "BertModel",
        words=words,
        split=list,
        text=_text,
        what="residues",
        batch_size=1,
    )


def _text(sample: Sample) -> str:
    assert sample.sequence is not None
    return sample.sequence
