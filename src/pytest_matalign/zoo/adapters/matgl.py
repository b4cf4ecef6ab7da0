"""MatGL potentials (Ko et al. 2025, doi:10.1038/s41524-025-01742-y): M3GNet, CHGNet, TensorNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.adapters._support.memory import kept_memory
from pytest_matalign.zoo.adapters._support.pooling import mean_by_sample
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.structures import boxed, copy_of
from pytest_matalign.zoo.weights.files import weight_files
from pytest_matalign.zoo.weights.hub import repository

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
FILES = ("model.json", "model.pt", "state.pt")


def load(card: ModelCard) -> Matgl:
    """Load a saved model: a folder with `model.json`, `model.pt` and `state.pt`.

    The package reads the last two with torch's restricted unpickler, which runs no code.

    Raises:
        ConfigurationError: If the folder is not one, or the architecture is another.
    """
    folder = _folder(card)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ConfigurationError(
            f"{card.id}: {folder} is no saved MatGL model; it lacks {', '.join(missing)}."
        )
    with quiet():
        loaded = import_quietly("matgl").load_model(folder)
        reader = import_quietly("matgl.ext.ase").Atoms2Graph
    network = getattr(loaded, "model", loaded)
    architecture = type(network).__name__
    if architecture not in ("M3GNet", "CHGNet", "TensorNet"):
        raise ConfigurationError(
            f"{card.id}: {folder} is a {architecture}; this adapter reads M3GNet, CHGNet and "
            f"TensorNet."
        )
    network.eval().requires_grad_(requires_grad=False)
    shuffle_if_asked(network, card)
    return Matgl(network, reader(network.element_types, network.cutoff))


def _folder(card: ModelCard) -> Path:
    if card.weights is not None and card.weights.repo is not None:
        return repository(card, also=FILES)
    return weight_files(card)[0].parent


@dataclass
class Matgl:
    """A MatGL network; structures go through it one by one."""

    network: Any
    reader: Any
    batch_size: int = 10

    def refuse(self, sample: Sample) -> str | None:
        """Refuse elements the network has no embedding for."""
        assert sample.atoms is not None
        outside = sorted(set(sample.atoms.symbols) - set(self.network.element_types))
        return f"contains {', '.join(outside)}, which the model does not cover" if outside else None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), width]."""
        import torch

        with quiet(), torch.no_grad(), kept_memory():
            return np.stack([self._embed_one(sample) for sample in samples])

    def _embed_one(self, sample: Sample) -> NDArray[np.float32]:
        assert sample.atoms is not None
        mixed = sample.atoms.pbc.any() and not sample.atoms.pbc.all()
        atoms = boxed(sample.atoms) if mixed else copy_of(sample.atoms)
        self.energy(atoms)
        features = self._nodes(self.network.feature_dict)
        first: NDArray[np.float32] = mean_by_sample(features, [len(features)])[0]
        return first

    def energy(self, atoms: Atoms) -> Any:
        """Run the network on a structure; it keeps its layers in `feature_dict`.

        The package's own call takes the lattice as a stack of one, which its fast neighbour list
        does not give for crystals.
        """
        import torch

        graph, lattice, state = self.reader.get_graph(atoms)
        cell = torch.as_tensor(lattice, dtype=torch.float32).reshape(3, 3)
        graph.pbc_offshift = graph.pbc_offset.to(cell.dtype) @ cell
        graph.pos = graph.frac_coords.to(cell.dtype) @ cell
        return self.network(g=graph, state_attr=torch.as_tensor(state, dtype=cell.dtype))

    def _nodes(self, layers: dict[str, Any]) -> Any:
        """What the read-out takes: under another name in each architecture."""
        match type(self.network).__name__:
            case "TensorNet":
                return layers["readout"]
            case "M3GNet":
                return layers[f"gc_{self.network.n_blocks}"]["node_feat"]
            case _:
                return layers[f"gc_{self.network.n_blocks}"]["atom_feat"]
