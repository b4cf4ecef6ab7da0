"""RXNMapper (Schwaller et al. 2021, doi:10.1126/sciadv.abe4166): an ALBERT over SMILES tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.adapters._support.tokens import (
    TokenModel,
    Tokens,
    framed,
    headless,
    vocabulary,
)
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> TokenModel:
    """Load the checkpoint and split SMILES as the package does."""
    folder = weight_files(card)[0].parent
    vocab = vocabulary(folder / "vocab.txt")
    with quiet():
        splitter: Any = import_quietly("rxnmapper.tokenization_smiles").BasicSmilesTokenizer()
    network = headless("AlbertModel", folder)
    shuffle_if_asked(network, card)

    def encode(text: str) -> Tokens:
        return framed(splitter.tokenize(text), vocab)

    def reason(text: str) -> str | None:
        unknown = sorted({token for token in splitter.tokenize(text) if token not in vocab})
        return f"has tokens beyond the vocabulary: {', '.join(unknown)}" if unknown else None

    return TokenModel(
        network=network, encode=encode, text=_text, reason=reason, pad=vocab["[PAD]"], batch_size=25
    )


def _text(sample: Sample) -> str:
    assert sample.smiles is not None
    return sample.smiles
