"""DIEP (direct integration of the external potential; Tawfik et al., Digital Discovery 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.adapters._support.describe import accept
from pytest_matalign.zoo.adapters._support.memory import kept_memory
from pytest_matalign.zoo.adapters._support.pooling import mean_of
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.structures import with_volume
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> Diep:
    """Load the exported model of the package."""
    folder = weight_files(card)[0].parent
    package = import_quietly("diep.pretrained")
    with quiet():
        potential = package.load_potential(folder, stress=False)
    network = potential.model.eval().requires_grad_(requires_grad=False)
    reader = import_quietly("diep.ext.ase").Atoms2Graph(network.element_types, network.cutoff)
    return Diep(network, reader, potential)


@dataclass
class Diep:
    """A DIEP network; structures go through it one by one, through the package's own call."""

    network: Any
    reader: Any
    potential: Any
    batch_size: int = 10
    refuse = staticmethod(accept)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 64]."""
        with kept_memory():
            return np.stack([self._embed_one(sample) for sample in samples])

    def embed_atoms(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """Return float32 [atoms, 64] of each sample."""
        *_, last = self.embed_layers(samples).values()
        return last

    def embed_layers(self, samples: Sequence[Sample]) -> dict[str, list[NDArray[np.float32]]]:
        """Return float32 [atoms, 64] of each sample after each block."""
        names = {f"block-{i}": f"gc_{i}" for i in range(1, self.network.n_blocks + 1)}
        found: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
        with kept_memory():
            for sample in samples:
                output = self._run(sample, list(names.values()))
                for name, layer in names.items():
                    found[name].append(output[layer]["node_feat"].numpy().copy())
        return found

    def energy(self, atoms: Atoms) -> float:
        """Return the total energy in eV, by the package's own calculator."""
        calculator = import_quietly("diep.ext.ase").PESCalculator(self.potential)
        return float(calculator.get_potential_energy(atoms))

    def _embed_one(self, sample: Sample) -> NDArray[np.float32]:
        layer = f"gc_{self.network.n_blocks}"
        nodes = self._run(sample, [layer])[layer]["node_feat"]
        return mean_of(nodes)

    def _run(self, sample: Sample, layers: Sequence[str]) -> Any:
        """What the network returns of some of its layers."""
        import torch

        assert sample.atoms is not None
        with torch.no_grad():
            return self.network.predict_structure(
                with_volume(sample.atoms),
                graph_converter=self.reader,
                output_layers=list(layers),
                return_features=True,
            )
