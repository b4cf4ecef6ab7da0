"""rxnfp (Schwaller et al. 2021, doi:10.1038/s42256-020-00284-w): BERTs over reaction SMILES."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_matalign.zoo.adapters._support.texts import NoTextError
from pytest_matalign.zoo.adapters._support.tokens import TokenModel, by_vocabulary, smiles_of
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
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
    words = weight_files(card)[0].with_name("vocab.txt")
    return by_vocabulary(card, "BertModel", words=words, split=_split, text=smiles_of)


def _split(text: str) -> list[str]:
    found = TOKEN.findall(text)
    if "".join(found) != text:
        raise NoTextError("has a SMILES with characters the model's tokens do not cover")
    return found
