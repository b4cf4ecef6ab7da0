"""ADMET-AI (Swanson et al. 2024, doi:10.1093/bioinformatics/btae416): ensembles of D-MPNNs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.adapters._support.pooling import mean_by_sample
from pytest_matalign.zoo.adapters.morgan import unreadable
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> Admet:
    """Load the five networks of an ensemble."""
    chemprop = import_quietly("chemprop")
    members = []
    with quiet():
        for path in weight_files(card):
            network = chemprop.models.MPNN.load_from_file(path, map_location="cpu")
            members.append(network.eval().requires_grad_(requires_grad=False))
    return Admet(tuple(members), chemprop)


@dataclass
class Admet:
    """An ensemble whose members' atom features are set side by side.

    The model that ADMET-AI ships is the ensemble. Its members were trained apart, so their axes
    have nothing to do with one another: their mean would be no member's feature, while set side by
    side their inner products are the mean of the members'.
    """

    members: tuple[Any, ...]
    chemprop: Any
    batch_size: int = 50

    def refuse(self, sample: Sample) -> str | None:
        """Refuse a SMILES that RDKit cannot read."""
        return unreadable(sample)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 5 x 300]."""
        import torch

        data, features = self.chemprop.data, self.chemprop.featurizers
        points = [data.MoleculeDatapoint.from_smi(sample.smiles) for sample in samples]
        graphs = data.MoleculeDataset(points, features.SimpleMoleculeMolGraphFeaturizer())
        batch = data.collate_batch([graphs[index] for index in range(len(points))])
        counts = torch.bincount(batch.bmg.batch, minlength=len(points)).tolist()
        with torch.no_grad():
            atoms = [member.message_passing(batch.bmg, batch.V_d) for member in self.members]
        return np.concatenate([mean_by_sample(one, counts) for one in atoms], axis=1)
