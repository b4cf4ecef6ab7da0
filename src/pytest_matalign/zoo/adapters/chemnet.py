"""ChemNet (Preuer et al. 2018, doi:10.1021/acs.jcim.8b00234): the state a SMILES leaves behind."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
LENGTH = 350
"""Characters a SMILES is padded to, as the package does."""


def load(card: ModelCard) -> ChemNet:
    """Load the network that the Fréchet ChemNet distance is computed with."""
    (path,) = weight_files(card)
    with quiet():
        network = deepcopy(import_quietly("fcd").load_ref_model(str(path)))
    network.eval().requires_grad_(requires_grad=False)
    shuffle_if_asked(network, card)
    return ChemNet(network, alone=bool(card.options.get("alone")))


@dataclass
class ChemNet:
    """ChemNet without its last layer; it reads RDKit's canonical SMILES."""

    network: Any
    batch_size: int = 25
    alone: bool = False
    """Whether molecules go through one at a time: no company may change how sums are rounded."""

    def refuse(self, sample: Sample) -> str | None:
        """Refuse what RDKit cannot read."""
        assert sample.smiles is not None
        return None if _canonical(sample.smiles) else "has a SMILES that RDKit cannot read"

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 512]: the last state of the second LSTM."""
        import torch

        encode = import_quietly("fcd.utils").get_one_hot
        texts = [_canonical(sample.smiles or "") for sample in samples]
        letters = np.stack([encode(text, LENGTH) for text in texts])
        with torch.no_grad():
            given = torch.from_numpy(letters).transpose(1, 2).float()
            parts = torch.split(given, 1 if self.alone else len(given))
            rows: NDArray[np.float32] = torch.cat([self.network(part) for part in parts]).numpy()
        return rows


def _canonical(smiles: str) -> str | None:
    """RDKit's canonical SMILES, which the network was trained on."""
    from rdkit import Chem

    from pytest_matalign.zoo.structures import molecule_of

    molecule = molecule_of(smiles)
    return None if molecule is None else Chem.MolToSmiles(molecule)
