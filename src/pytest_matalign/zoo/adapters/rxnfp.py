"""rxnfp (Schwaller et al. 2021, doi:10.1038/s42256-020-00284-w): BERTs over reaction SMILES."""

from __future__ import annotations

import re
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
TOKEN = re.compile(
    r"\[[^\]]+\]"  # an atom in brackets is one token
    r"|Br|Cl|[BCNOSPFI]|[bcnosp]"  # the organic subset, two letters before one
    r"|%[0-9]{2}|[0-9]"  # ring closures
    r"|>>|[>()=#\-+\\/:~@?*$.|%]"  # the arrow of a reaction, bonds and branches
)
"""Tokens of a SMILES as the vocabulary of the package has them."""


def load(card: ModelCard) -> TokenModel:
    """Load the plain BERT of a checkpoint, without the classifier some were fine-tuned with."""
    folder = weight_files(card)[0].parent
    vocab = vocabulary(folder / "vocab.txt")
    network = headless("BertModel", folder)
    shuffle_if_asked(network, card)

    def encode(text: str) -> Tokens:
        return framed(TOKEN.findall(text), vocab)

    def reason(text: str) -> str | None:
        split = TOKEN.findall(text)
        if "".join(split) != text:
            return "has a SMILES with characters the model's tokens do not cover"
        unknown = sorted({token for token in split if token not in vocab})
        if unknown:
            return f"has tokens beyond the vocabulary: {', '.join(unknown)}"
        return None

    return TokenModel(
        network=network, encode=encode, text=_text, reason=reason, pad=vocab["[PAD]"], batch_size=25
    )


def _text(sample: Sample) -> str:
    assert sample.smiles is not None
    return sample.smiles
