"""MiniMol (Kläser et al. 2024, arXiv:2404.14986): the last graph layer of a GINE network."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.errors import UnavailableError
from pytest_matalign.zoo.adapters._support.pooling import mean_by_sample
from pytest_matalign.zoo.adapters._support.scatter import provide_scatter
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.adapters.morgan import unreadable
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
LAYER = 15
"""The layer whose node features the package pools into its fingerprint, counted from 0."""
_SHELLS = ("graphium", "graphium.data", "graphium.ipu", "graphium.trainer", "graphium.utils")
_TRAINING = ("data.datamodule", "ipu.ipu_losses", "ipu.ipu_metrics", "trainer.losses")
"""Modules that the networks import for a table of names, and never use."""


def load(card: ModelCard) -> Minimol:
    """Build the network that the package's configuration describes and read its weights."""
    import torch

    (file,) = weight_files(card)
    _provide_graphium()
    with quiet():
        configuration = import_quietly("omegaconf").OmegaConf.to_container(
            import_quietly("omegaconf").OmegaConf.load(file.parent / "config.yaml"), resolve=True
        )
        featurise = _featuriser(configuration["datamodule"]["args"]["featurization"])
        network = _network(configuration["architecture"], featurise("c1ccccc1"))
    state = torch.load(file, map_location="cpu", weights_only=True)
    _fill(network, {name.removeprefix("model."): one for name, one in state.items()}, card)
    network.float().eval().requires_grad_(requires_grad=False)
    shuffle_if_asked(network, card)
    return Minimol(network, featurise)


def _fill(network: Any, state: Mapping[str, Any], card: ModelCard) -> None:
    """Read every weight; those of the task heads, which are not embedded, may be missing.

    The released file lacks one normalisation of a head; the package reads it with `strict=False`.

    Raises:
        UnavailableError: If anything before the heads is missing, or something is left over.
    """
    missing, unexpected = network.load_state_dict(state, strict=False)
    wrong = [*(name for name in missing if not name.startswith("task_heads.")), *unexpected]
    if wrong:
        raise UnavailableError(
            f"{card.id}: {wrong[0]} of the weights does not fit the network; install the graphium "
            f"of the environment {card.environment!r}."
        )


def _provide_graphium() -> None:
    """Make graphium's features and networks importable without its training.

    Its packages import trainers, losses and data loaders, which want a dozen more packages and
    compiled extensions. They are entered as modules without content here, so that only the
    submodules asked for are read; a table of every loss, metric and loader of graphium, which the
    networks import, finds a class without content under each name.
    """
    # torch_geometric asks which extensions are installed, and must not be told of stand-ins.
    import_quietly("torch_geometric")
    provide_scatter()
    if "graphium" in sys.modules:
        return
    if importlib.util.find_spec("torch_sparse") is None:
        sparse = ModuleType("torch_sparse", "Stand-in by pytest-matalign: a type to ask for.")
        sparse.SparseTensor = type("SparseTensor", (), {})  # type: ignore[attr-defined]  # see above
        sys.modules["torch_sparse"] = sparse
    found = importlib.util.find_spec("graphium")
    assert found is not None
    assert found.submodule_search_locations
    root = Path(found.submodule_search_locations[0])
    for name in _SHELLS:
        shell = ModuleType(name)
        # Whoever asks whether the package is installed is told by it.
        shell.__spec__ = ModuleSpec(name, None, is_package=True)
        shell.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = shell
    for name in _TRAINING:
        parent, _, leaf = f"graphium.{name}".rpartition(".")
        setattr(sys.modules[parent], leaf, _Unused(f"graphium.{name}"))
        sys.modules[f"graphium.{name}"] = getattr(sys.modules[parent], leaf)


class _Unused(ModuleType):
    """A module in which every public name is a class without content."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def _featuriser(options: Mapping[str, Any]) -> Callable[[str], Any]:
    """The package's graph of a SMILES; features pass through half precision, as in training.

    SciPy no longer has sparse matrices of half precision, so that the adjacency, which holds ones
    only, is made in float32.
    """
    import torch

    package = import_quietly("graphium.features.featurizer")
    adjacency = package.mol_to_adjacency_matrix

    def in_float32(molecule: Any, **given: Any) -> Any:
        return adjacency(molecule, **{**given, "dtype": np.float32})

    def featurise(smiles: str) -> Any:
        package.mol_to_adjacency_matrix = in_float32
        try:
            with quiet():
                made = package.mol_to_pyggraph(smiles, **options, on_error="raise")
        finally:
            package.mol_to_adjacency_matrix = adjacency
        for name, value in made.to_dict().items():
            if isinstance(value, torch.Tensor):
                made[name] = value.float() if value.is_floating_point() else value.long()
        return made

    return featurise


def _network(architecture: Mapping[str, Any], example: Any) -> Any:
    """The network for graphs with the features of the example."""
    tensors = example.to_dict().items()
    widths = {name: value.shape[-1] for name, value in tensors if hasattr(value, "shape")}
    encoders = {**architecture["pe_encoders"], "in_dims": widths}
    nodes = {**architecture["pre_nn"], "in_dim": widths["feat"] + encoders["out_dim"]}
    edges = {**architecture["pre_nn_edges"], "in_dim": widths["edge_feat"]}
    package = import_quietly("graphium.nn.architectures.global_architectures")
    return package.FullGraphMultiTaskNetwork(
        gnn_kwargs=dict(architecture["gnn"]),
        pre_nn_kwargs=nodes,
        pre_nn_edges_kwargs=edges,
        pe_encoders_kwargs=encoders,
        graph_output_nn_kwargs=dict(architecture["graph_output_nn"]),
        task_heads_kwargs=architecture["task_heads"],
    )


@dataclass
class Minimol:
    """A MiniMol ready to embed: atom features, pooled."""

    network: Any
    featurise: Callable[[str], Any]
    batch_size: int = 25

    def refuse(self, sample: Sample) -> str | None:
        """Refuse a SMILES that RDKit cannot read."""
        return unreadable(sample)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 512]."""
        import torch
        from torch_geometric.data import Batch

        batch = Batch.from_data_list([self.featurise(str(one.smiles)) for one in samples])
        counts = torch.bincount(batch.batch, minlength=len(samples)).tolist()
        return mean_by_sample(self.nodes(batch), counts)

    def nodes(self, batch: Any) -> Any:
        """Atom features after the last graph layer, [atoms of the batch, 512]."""
        import torch

        # An empty dictionary here makes the network keep the features of each layer in it.
        kept: dict[int, Any] = {}
        self.network.gnn._readout_cache = kept
        with torch.no_grad(), quiet():
            self.network(batch)
        self.network.gnn._readout_cache = None
        return kept[LAYER]
