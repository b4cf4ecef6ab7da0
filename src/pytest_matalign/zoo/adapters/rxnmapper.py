"""RXNMapper (Schwaller et al. 2021, doi:10.1126/sciadv.abe4166): an ALBERT over SMILES tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_matalign.zoo.adapters._support.tokens import TokenModel, by_vocabulary, smiles_of
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> TokenModel:
    """Load the checkpoint and split SMILES as the package does."""
    with quiet():
        splitter: Any = import_quietly("rxnmapper.tokenization_smiles").BasicSmilesTokenizer()
    words = weight_files(card)[0].with_name("vocab.txt")
    return by_vocabulary(card, "AlbertModel", words=words, split=splitter.tokenize, text=smiles_of)
