"""MatGL (Ko et al. 2025, doi:10.1038/s41524-025-01742-y): M3GNet, TensorNet and others."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.adapters._support.memory import kept_memory
from pytest_matalign.zoo.adapters._support.pooling import mean_of
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
ARCHITECTURES = ("M3GNet", "CHGNet", "TensorNet", "SO3Net", "MEGNet")
JOINED = {
    "M3GNet": r"graph_layers\.\d+\.conv\.(edge|node)_update_func\.(layers|gates)\.0\.weight",
    "MEGNet": r"blocks\.\d+\.conv\.edge_func\.layers\.0\.weight",
    "TensorNet": r"tensor_embedding\.emb2\.weight",
}
"""First linear layers that take the two atoms of an edge, joined in one vector."""


def load(card: ModelCard) -> Matgl:
    """Load a saved model: a folder with `model.json`, `model.pt` and `state.pt`.

    The package reads the last two with torch's restricted unpickler, which runs no code. The
    option `saved_by` is the major version of MatGL that saved it, where that is known; `state` is
    the fidelity of a MEGNet trained on several; `per_atom` says that what it predicts is the
    energy per atom.

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
        whole = _load(folder)
        reader = import_quietly("matgl.ext.ase").Atoms2Graph
    network = getattr(whole, "model", whole)
    architecture = type(network).__name__
    if architecture not in ARCHITECTURES:
        raise ConfigurationError(
            f"{card.id}: {folder} is a {architecture}; this adapter reads "
            f"{', '.join(ARCHITECTURES[:-1])} and {ARCHITECTURES[-1]}."
        )
    whole.eval().requires_grad_(requires_grad=False)
    if saved_before_3(card, folder):
        exchange_atoms(network)
    shuffle_if_asked(network, card)
    return Matgl(
        whole,
        network,
        reader(network.element_types, network.cutoff),
        state=card.options.get("state"),
        per_atom=bool(card.options.get("per_atom", False)),
    )


def _folder(card: ModelCard) -> Path:
    if card.weights is not None and card.weights.repo is not None:
        return repository(card, also=FILES)
    return weight_files(card)[0].parent


def _load(folder: Path) -> Any:
    import torch

    package = import_quietly("matgl")
    # The scaling of MEGNet's targets is saved as an object of the package's own.
    scaling = import_quietly("matgl.data.transformer").Normalizer
    with torch.serialization.safe_globals([scaling, set]):
        return package.load_model(folder)


def saved_before_3(card: ModelCard, folder: Path) -> bool:
    """Whether a folder was saved by MatGL 1 or 2, as far as the card or its own words tell.

    `model.json` bears no version of MatGL. Modules that ended in `_pyg` or `_dgl` have lost that
    ending since; for other folders of that age the card has to say `saved_by`, and an energy on
    the card finds out when it does not.
    """
    if (major := card.options.get("saved_by")) is not None:
        return int(major) < 3
    text = json.dumps(json.loads((folder / "model.json").read_text("utf-8")))
    return re.search(r'"@module": "matgl\.[\w.]+_(pyg|dgl)"', text) is not None


def exchange_atoms(network: Any) -> None:
    """Give weights saved before MatGL 3 the order of atoms that the code has had since then.

    The code on DGL joined (neighbour, centre) before the first linear layer of an edge, that on
    PyG joins (centre, neighbour): the two equal blocks of columns change places. MatGL itself
    reads such weights without an error and computes something else.
    """
    import torch

    pattern = JOINED.get(type(network).__name__)
    if pattern is None:
        return
    width = _joined_width(network)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if re.fullmatch(pattern, name):
                first, second, rest = weight.split(
                    [width, width, weight.shape[1] - 2 * width], dim=1
                )
                weight.copy_(torch.cat([second, first, rest], dim=1))


def _joined_width(network: Any) -> int:
    """Features of one atom where they are joined."""
    match type(network).__name__:
        case "TensorNet":
            return int(network.tensor_embedding.emb2.weight.shape[1]) // 2
        case "M3GNet":
            return int(network.embedding.layer_node_embedding.weight.shape[1])
        case _:
            # Two atoms, the edge and the state, each as wide as the others.
            return int(network.blocks[0].conv.edge_func.layers[0].weight.shape[1]) // 4


@dataclass
class Matgl:
    """A MatGL network; structures go through it one by one."""

    whole: Any
    network: Any
    reader: Any
    state: Any = None
    per_atom: bool = False
    batch_size: int = 10

    def refuse(self, sample: Sample) -> str | None:
        """Refuse elements without an embedding, and structures without any two neighbours."""
        atoms = sample.atoms
        assert atoms is not None
        outside = sorted(set(atoms.symbols) - set(self.network.element_types))
        if outside:
            return f"contains {', '.join(outside)}, which the model does not cover"
        if self.reader.get_graph(_whole_or_open(atoms))[0].num_edges == 0:
            return f"has no two atoms within {float(self.network.cutoff):g} Å"
        return None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), width]."""
        return np.stack([mean_of(one) for one in self._features(samples)])

    def embed_atoms(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """Return float32 [atoms, width] of each sample."""
        return [one.float().numpy() for one in self._features(samples)]

    def embed_layers(self, samples: Sequence[Sample]) -> dict[str, list[NDArray[np.float32]]]:
        """Return float32 [atoms, width] of each sample after each block.

        Of tensors their squared norms, of spherical features the scalars; where the read-out
        takes something else, that is the last, `readout`.
        """
        import torch

        found: dict[str, list[NDArray[np.float32]]] = {}
        with quiet(), torch.no_grad(), kept_memory():
            for sample in samples:
                assert sample.atoms is not None
                self._run(sample.atoms)
                for name, nodes in self._layers(self.network.feature_dict).items():
                    found.setdefault(name, []).append(nodes.float().numpy().copy())
        return found

    def energy(self, atoms: Atoms) -> float:
        """Return the total energy in eV, or what else a network of a property predicts."""
        import torch

        with quiet(), torch.no_grad():
            output = self._run(atoms)
            if self.network is not self.whole:
                output = self._scaled(output, atoms)
        return float(output) * (len(atoms) if self.per_atom else 1)

    def _scaled(self, output: Any, atoms: Atoms) -> Any:
        """What the package makes of the network's output."""
        if hasattr(self.whole, "transformer"):
            return self.whole.transformer.inverse_transform(output)
        output = self.whole.data_std * output + self.whole.data_mean
        if self.whole.calc_repuls:
            output = output + self.whole.repuls(self.network.element_types, self._graph(atoms)[0])
        if self.whole.element_refs is not None:
            output = output + self.whole.element_refs(self._graph(atoms)[0]).squeeze()
        return output

    def _features(self, samples: Sequence[Sample]) -> list[Any]:
        """Tensors [atoms, width]."""
        import torch

        found = []
        with quiet(), torch.no_grad(), kept_memory():
            for sample in samples:
                assert sample.atoms is not None
                self._run(sample.atoms)
                found.append(self._nodes(self.network.feature_dict))
        return found

    def _run(self, atoms: Atoms) -> Any:
        """Run the network on a structure; it keeps its layers in `feature_dict`."""
        graph, state = self._graph(atoms)
        return self.network(g=graph, state_attr=state)

    def _graph(self, atoms: Atoms) -> tuple[Any, Any]:
        """Graph and state of a structure.

        The package's own call takes the lattice as a stack of one, which its fast neighbour list
        does not give for crystals.
        """
        import torch

        graph, lattice, state = self.reader.get_graph(_whole_or_open(atoms))
        cell = torch.as_tensor(lattice, dtype=torch.float32).reshape(3, 3)
        graph.pbc_offshift = graph.pbc_offset.to(cell.dtype) @ cell
        graph.pos = graph.frac_coords.to(cell.dtype) @ cell
        if self.state is not None:
            return graph, torch.tensor([int(self.state)])
        return graph, torch.as_tensor(state, dtype=cell.dtype)

    def _nodes(self, layers: dict[str, Any]) -> Any:
        """What the read-out takes."""
        *_, last = self._layers(layers).values()
        return last

    def _layers(self, layers: dict[str, Any]) -> dict[str, Any]:
        """Features of the atoms after each block: under another name in each architecture."""
        numbers = sorted(int(name[3:]) for name in layers if name.startswith("gc_"))
        blocks = {f"block-{number}": layers[f"gc_{number}"] for number in numbers}
        match type(self.network).__name__:
            case "TensorNet":
                norms = {name: one.square().sum((-2, -1)) for name, one in blocks.items()}
                return {**norms, "readout": layers["readout"]}
            case "SO3Net":
                scalars = {name: one[:, 0] for name, one in blocks.items()}
                return {**scalars, "readout": layers["scalar_representation"]}
            case "CHGNet":
                return {name: one["atom_feat"] for name, one in blocks.items()}
            case _:
                return {name: one["node_feat"] for name, one in blocks.items()}


def _whole_or_open(atoms: Atoms) -> Atoms:
    """The package knows three periodic directions or none; slabs and wires get vacuum."""
    mixed = atoms.pbc.any() and not atoms.pbc.all()
    return boxed(atoms) if mixed else copy_of(atoms)
