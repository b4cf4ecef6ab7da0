"""What `[tool.matalign]` points at: from a list of structures to one row each."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from chgnet.model import CHGNet
    from pymatgen.core import Structure

NOISE = "CHGNET_NOISE"
"""Environment variable: noise added to the weights, as a share of the spread of each tensor.

It stands for a training run that went wrong; leave it unset for the model as released.
"""


def embedder() -> Embedder:
    """The released network, with noise on its weights if the variable asks for it."""
    from chgnet.model import CHGNet

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages this one cannot mend
        network = CHGNet.load(model_name="0.3.0", use_device="cpu", verbose=False)
    network.eval()
    level = float(os.environ.get(NOISE, "0"))
    disturb(network, level)
    return Embedder(network, level)


class Embedder:
    """Mean over atoms of CHGNet's last hidden layer."""

    batch_size = 10

    def __init__(self, network: CHGNet, level: float) -> None:
        self._network = network
        # Of weights and code: with it, embeddings are kept from run to run.
        self.digest = f"chgnet-0.3.0, noise {level!r}, last convolution, mean over atoms, 1"

    def refuse(self, atoms: Atoms) -> str | None:
        """CHGNet needs every atom to have a neighbour."""
        lonely = len(atoms) - len(np.unique(self._structure(atoms).get_neighbor_list(r=6.0)[0]))
        return f"has {lonely} atoms without a neighbour within 6 Å" if lonely else None

    def __call__(self, structures: Sequence[Atoms]) -> np.ndarray:
        """Return float32 [structures, 64]."""
        return np.stack([self._embed_one(atoms) for atoms in structures])

    def _embed_one(self, atoms: Atoms) -> np.ndarray:
        graph = self._network.graph_converter(self._structure(atoms))
        with torch.no_grad():
            output = self._network([graph], task="e", return_crystal_feas=True)
        return output["crystal_fea"][0].numpy() / np.float32(len(atoms))

    @staticmethod
    def _structure(atoms: Atoms) -> Structure:
        from pymatgen.core import Lattice, Structure

        return Structure(
            Lattice(atoms.cell.array),
            list(atoms.symbols),
            atoms.positions,
            coords_are_cartesian=True,
        )


def disturb(network: torch.nn.Module, level: float) -> None:
    """Add Gaussian noise to every weight tensor, scaled to its own spread; always the same."""
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in network.parameters():
            if weights.numel() > 1:
                noise = torch.randn(weights.shape, generator=draw)
                weights.add_(level * weights.std() * noise)
