"""HIENet (Yan et al. 2025, arXiv:2503.05771): features after the last equivariant layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.adapters._support.describe import accept
from pytest_matalign.zoo.adapters._support.memory import kept_memory
from pytest_matalign.zoo.adapters._support.pooling import mean_of
from pytest_matalign.zoo.adapters._support.readout import cut_readout
from pytest_matalign.zoo.adapters._support.scatter import provide_scatter
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.structures import copy_of
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> Hienet:
    """Load the checkpoint of the package and cut the network before its read-out."""
    network = whole_network(card)
    readout = cut_readout(network)
    shuffle_if_asked(network, card)
    return Hienet(network, readout)


def whole_network(card: ModelCard) -> Any:
    """The network of the package with its read-out of energies, but not of forces."""
    # It asks whether torch_scatter is installed, and must not be told of the stand-in.
    import_quietly("torch_geometric")
    provide_scatter()
    e3nn = import_quietly("e3nn")
    before = e3nn.get_optimization_defaults()
    # Compiled to TorchScript, a call takes anything from 50 to 2000 ms while it re-profiles.
    e3nn.set_optimization_defaults(jit_script_fx=False)
    try:
        with quiet():
            (file,) = weight_files(card)
            network, _ = import_quietly("hienet.util").model_from_checkpoint(str(file))
    finally:
        e3nn.set_optimization_defaults(**before)
    network.delete_module_by_key("force_output")
    network.set_is_batch_data(flag=False)
    return network.eval().requires_grad_(requires_grad=False)


@dataclass
class Hienet:
    """A HIENet cut before its read-out; structures go through it one by one."""

    network: Any
    readout: list[Any]
    batch_size: int = 10
    refuse = staticmethod(accept)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 512]."""
        import torch

        rows = []
        with kept_memory(), torch.no_grad():
            for sample in samples:
                assert sample.atoms is not None
                nodes = self.network(graph(self.network, sample.atoms))["x"]
                rows.append(mean_of(nodes))
        return np.stack(rows)

    def energy(self, atoms: Atoms) -> float:
        """Return the total energy in eV."""
        import torch

        with torch.no_grad():
            data = self.network(graph(self.network, atoms))
            for module in self.readout:
                data = module(data)
        return float(data["inferred_total_energy"])


def graph(network: Any, atoms: Atoms) -> Any:
    """The package's graph of a structure: neighbours within its cutoff, positions in Å."""
    with quiet():
        made = import_quietly("hienet.util").unlabeled_atoms_to_input(
            copy_of(atoms), network.cutoff
        )
    return network.to_onehot_idx(made)
