"""AIMNet2 (Anstine et al. 2025, doi:10.1039/D4SC08572H) as a TorchScript file of one member."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.adapters._support.electrons import total_charge
from pytest_matalign.zoo.adapters._support.pooling import mean_by_sample
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> AimnetScript:
    """Load the compiled network; it holds its own code, which TorchScript runs."""
    script: Any = import_quietly("torch.jit")
    (path,) = weight_files(card)
    with quiet():
        network = script.load(str(path), map_location="cpu")
    network.eval()
    for parameter in network.parameters():
        parameter.requires_grad_(requires_grad=False)
    shuffle_if_asked(network, card)
    return AimnetScript(network)


@dataclass
class AimnetScript:
    """One member of an AIMNet2 ensemble, with the total charge; molecules one by one."""

    network: Any
    batch_size: int = 10

    def refuse(self, sample: Sample) -> str | None:  # noqa: ARG002  the protocol's signature
        """Refuse nothing beyond the card, which has the elements AIMNet2 was trained on."""
        return None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 256]."""
        return np.stack([mean_by_sample(one, [len(one)])[0] for one in self._features(samples)])

    def embed_atoms(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """Return float32 [atoms, 256] of each sample."""
        return [one.numpy() for one in self._features(samples)]

    def energy(self, atoms: Atoms) -> float:
        """Return the total energy in eV."""
        return float(self._run(atoms)["energy"])

    def _features(self, samples: Sequence[Sample]) -> list[Any]:
        """Tensors [atoms, 256]: the vector that stands for an atom in its molecule."""
        found = [self._run(sample.atoms)["aim"] for sample in samples if sample.atoms is not None]
        return [one.reshape(-1, one.shape[-1]) for one in found]

    def _run(self, atoms: Atoms) -> Any:
        import torch

        given = {
            "coord": torch.from_numpy(atoms.positions.astype(np.float32))[None],
            "numbers": torch.from_numpy(atoms.numbers.astype(np.int64))[None],
            "charge": torch.tensor([float(total_charge(atoms))]),
        }
        with torch.no_grad(), quiet():
            return self.network(given)
