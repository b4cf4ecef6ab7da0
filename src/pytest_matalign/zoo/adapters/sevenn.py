"""SevenNet (Park et al. 2024, doi:10.1021/acs.jctc.4c00190): scalars after the last interaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.adapters._support.describe import accept
from pytest_matalign.zoo.adapters._support.memory import kept_memory
from pytest_matalign.zoo.adapters._support.pooling import mean_of
from pytest_matalign.zoo.adapters._support.readout import cut_readout
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.structures import copy_of
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> Sevenn:
    """Load the checkpoint `checkpoint`, or the file of a card without it.

    The option `modal` picks the task of a multi-fidelity model.
    """
    e3nn = import_quietly("e3nn")
    before = e3nn.get_optimization_defaults()
    # Compiled to TorchScript, a call takes anything from 50 to 2000 ms while it re-profiles.
    e3nn.set_optimization_defaults(jit_script_fx=False)
    try:
        with quiet():
            checkpoint = import_quietly("sevenn.util").load_checkpoint(_named(card))
            network = checkpoint.build_model()
    finally:
        e3nn.set_optimization_defaults(**before)
    network.eval().requires_grad_(requires_grad=False)
    modal = card.options.get("modal")
    if network.modal_map is not None and modal not in network.modal_map:
        known = ", ".join(network.modal_map)
        raise ConfigurationError(f"{card.id}: the option `modal` is one of {known}.")
    network.eval_modal_map = network.modal_map is not None
    network.delete_module_by_key("force_output")
    readout = cut_readout(network)
    shuffle_if_asked(network, card)
    return Sevenn(network, readout, modal=str(modal) if network.eval_modal_map else None)


def _named(card: ModelCard) -> str:
    """The package's own name of a checkpoint, or the path of a user's own."""
    named = card.options.get("checkpoint")
    return str(named or weight_files(card)[0])


@dataclass
class Sevenn:
    """A SevenNet cut before its read-out."""

    network: Any
    readout: list[Any]
    modal: str | None
    batch_size: int = 10
    refuse = staticmethod(accept)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 128].

        Graphs go through the network one by one: on one thread a batch of ten takes longer than
        ten single graphs (measured on molecules, crystals and MOFs), its tensors being too large
        for the processor's cache.
        """
        return np.stack([mean_of(one) for one in self._features(samples)])

    def embed_atoms(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """Return float32 [atoms, 128] of each sample."""
        return [one.numpy() for one in self._features(samples)]

    def embed_layers(self, samples: Sequence[Sample]) -> dict[str, list[NDArray[np.float32]]]:
        """Return the scalars, float32 [atoms, 128], of each sample after each interaction."""
        gates = {
            name.partition("_")[0]: module
            for name, module in self.network.named_children()
            if name.endswith("_equivariant_gate")
        }
        found: dict[str, list[NDArray[np.float32]]] = {
            f"interaction-{place}": [] for place in range(1, len(gates) + 1)
        }

        def keep(name: str, scalars: int) -> Callable[..., None]:
            def hook(module: Any, given: Any, output: Any) -> None:  # noqa: ARG001  torch's signature
                found[name].append(output["x"][:, :scalars].numpy().copy())

            return hook

        hooks = [
            module.register_forward_hook(keep(name, _scalars(module.gate.irreps_out)))
            for name, module in zip(found, gates.values(), strict=True)
        ]
        try:
            self._features(samples)
        finally:
            for hook in hooks:
                hook.remove()
        return found

    def energy(self, atoms: Atoms) -> float:
        """Return the total energy in eV."""
        import torch

        merge = import_quietly("torch_geometric.data").Batch.from_data_list
        with torch.no_grad():
            data = self.network(merge([self._graph(atoms)]))
            for module in self.readout:
                data = module(data)
        return float(data[import_quietly("sevenn._keys").PRED_TOTAL_ENERGY])

    def _features(self, samples: Sequence[Sample]) -> list[Any]:
        """Tensors [atoms, 128] after the last interaction."""
        import torch

        merge = import_quietly("torch_geometric.data").Batch.from_data_list
        with torch.no_grad(), kept_memory():
            return [self.network(merge([self._graph(sample.atoms)]))["x"] for sample in samples]

    def _graph(self, atoms: Atoms | None) -> Any:
        keys = import_quietly("sevenn._keys")
        build = import_quietly("sevenn.train.dataload").unlabeled_atoms_to_graph
        assert atoms is not None
        table = build(copy_of(atoms), self.network.cutoff)
        del table[keys.INFO]
        if self.modal is not None:
            table[keys.DATA_MODALITY] = self.modal
        return import_quietly("sevenn.atom_graph_data").AtomGraphData.from_numpy_dict(table)


def _scalars(irreps: Any) -> int:
    """How many invariants a layer puts first; SevenNet sorts them so."""
    first = irreps[0]
    assert first.ir.l == 0, "the invariants of a SevenNet layer come first"
    return int(first.mul)
