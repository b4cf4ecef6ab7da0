"""AntiBERTy (Ruffolo et al. 2021, arXiv:2112.07782): a BERT over antibody residues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.adapters._support.tokens import (
    TokenModel,
    Tokens,
    framed,
    headless,
    vocabulary,
)
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> TokenModel:
    """Load the plain BERT of the checkpoint; the package's own class only adds heads to it."""
    folder = weight_files(card)[0].parent
    vocab = vocabulary(folder.parent / "vocab.txt")
    network = headless("BertModel", folder)
    shuffle_if_asked(network, card)

    def encode(text: str) -> Tokens:
        return framed(text, vocab)

    def reason(text: str) -> str | None:
        unknown = sorted(set(text) - set(vocab))
        return f"has residues beyond the vocabulary: {', '.join(unknown)}" if unknown else None

    # One at a time: chains differ in length, and padding them costs more than batching saves.
    return TokenModel(
        network=network, encode=encode, text=_text, reason=reason, pad=vocab["[PAD]"], batch_size=1
    )


def _text(sample: Sample) -> str:
    assert sample.sequence is not None
    return sample.sequence
