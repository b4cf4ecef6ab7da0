"""VICGAE of astrochem-embedding (Scolati et al. 2023, doi:10.3847/1538-4357/acf5ea): SELFIES."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_matalign.zoo.adapters._support.pooling import mean_by_mask
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> Vicgae:
    """Load the pickled module of the package and keep its embedding and encoder."""
    import torch

    package = import_quietly("astrochem_embedding")
    splitter = import_quietly("selfies")
    with quiet():
        whole = package.VICGAE.from_pretrained()
    network = torch.nn.ModuleDict({"embedding": whole.embedding, "encoder": whole.encoder})
    network.eval().requires_grad_(requires_grad=False)
    shuffle_if_asked(network, card)
    ids = {token: index for index, token in enumerate(whole.vocab.alphabet)}
    return Vicgae(network, ids=ids, selfies=splitter)


@dataclass
class Vicgae:
    """The recurrent encoder of a SELFIES autoencoder."""

    network: Any  # Token embedding and GRU
    ids: dict[str, int]  # Token to id
    selfies: Any  # The package `selfies`, which turns SMILES into tokens
    batch_size: int = 50

    def refuse(self, sample: Sample) -> str | None:
        """Refuse SMILES that have no SELFIES, and tokens the vocabulary lacks."""
        try:
            tokens = self._tokens(sample)
        except self.selfies.EncoderError:
            return "has a SMILES that SELFIES cannot express"
        unknown = sorted(set(tokens) - set(self.ids))
        if unknown:
            return f"has SELFIES tokens beyond the vocabulary: {', '.join(unknown)}"
        return None if tokens else "has no SELFIES tokens"

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 32].

        The package runs its GRU on through padding to 886 tokens and leaves those states out; the
        padding here ends with the longest molecule, which changes no state before it.
        """
        import torch

        rows = [[self.ids[token] for token in self._tokens(sample)] for sample in samples]
        longest = max(map(len, rows))
        padded = torch.full((len(rows), longest), self.ids["[nop]"])
        present = torch.zeros((len(rows), longest), dtype=torch.bool)
        for index, row in enumerate(rows):
            padded[index, : len(row)] = torch.tensor(row)
            present[index, : len(row)] = True
        with torch.no_grad():
            states, _ = self.network["encoder"](self.network["embedding"](padded))
        return mean_by_mask(states, present)

    def _tokens(self, sample: Sample) -> list[str]:
        """SELFIES tokens of a sample's SMILES."""
        with quiet():
            return list(self.selfies.split_selfies(self.selfies.encoder(sample.smiles)))
