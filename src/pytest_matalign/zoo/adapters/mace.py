"""MACE (Batatia et al. 2022, arXiv:2206.07697): node features that the read-outs take."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.adapters._support.memory import kept_memory
from pytest_matalign.zoo.adapters._support.pooling import mean_of
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.structures import copy_of
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
_SWITCH = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"


def load(card: ModelCard) -> Mace:
    """Load a `.model` file, a pickled module, as the package's own calculator does.

    The option `readout` is `invariant` (default: scalars only) or `equivariant` (all components);
    `head` picks the head of a model with several.

    Raises:
        ConfigurationError: If an option is none of these.
    """
    readout = card.options.get("readout", "invariant")
    if readout not in ("invariant", "equivariant"):
        raise ConfigurationError(f"{card.id}: the option `readout` is invariant or equivariant.")
    (path,) = weight_files(card)
    with quiet(), _pickled_modules():
        network = _network(path)
    heads = [str(one) for one in getattr(network, "heads", None) or ["Default"]]
    head = str(card.options.get("head", heads[0] if len(heads) == 1 else "default"))
    if head not in heads:
        raise ConfigurationError(f"{card.id}: the option `head` is one of {', '.join(heads)}.")
    shuffle_if_asked(network, card)
    return Mace(network, heads=heads, head=head, scalars_only=readout == "invariant")


@contextmanager
def _pickled_modules() -> Iterator[None]:
    """Let torch read whole modules here, and only here.

    The package sets a switch to that effect for the rest of the process when it is imported; e3nn
    0.4 cannot even be imported without it.
    """
    before = os.environ.get(_SWITCH)
    os.environ[_SWITCH] = "1"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_SWITCH, None)
        else:
            os.environ[_SWITCH] = before


def _network(path: Any) -> Any:
    """The module in single precision, without gradients."""
    import torch

    calculator = import_quietly("mace.calculators").MACECalculator
    network = torch.load(path, map_location="cpu", weights_only=False)
    _renew(network)
    # Only energies depend on the head, and its choice is checked here.
    made = calculator(models=[network], device="cpu", default_dtype="float32", head=[])
    return made.models[0].eval().requires_grad_(requires_grad=False)


def _renew(network: Any) -> None:
    """Make buffers of what a network of 2022 keeps as plain attributes."""
    import torch

    if "atomic_numbers" in dict(network.named_buffers()):
        return
    kept = {
        "atomic_numbers": torch.tensor([int(number) for number in network.atomic_numbers]),
        "r_max": torch.tensor(float(network.r_max)),
        "num_interactions": torch.tensor(len(network.interactions)),
    }
    for name, value in kept.items():
        if hasattr(network, name):
            delattr(network, name)
        network.register_buffer(name, value)


@dataclass
class Mace:
    """A MACE whose features of every layer, one behind the other, are the embedding.

    Each layer has its own read-out, so together they are what stands before the read-outs; the
    last layer has scalars only. In the invariant form the vector components are left out.
    """

    network: Any
    heads: list[str]
    head: str
    scalars_only: bool
    batch_size: int = 10

    def refuse(self, sample: Sample) -> str | None:
        """Refuse elements the network has no embedding for."""
        assert sample.atoms is not None
        from ase.data import chemical_symbols

        known = set(self.network.atomic_numbers.tolist())
        outside = sorted(
            chemical_symbols[number] for number in set(sample.atoms.numbers.tolist()) - known
        )
        return f"contains {', '.join(outside)}, which the model does not cover" if outside else None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), width]; graphs go through the network one by one."""
        return np.stack([mean_of(one) for one in self._features(samples)])

    def embed_atoms(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """Return float32 [atoms, width] of each sample."""
        return [one.numpy() for one in self._features(samples)]

    def embed_layers(self, samples: Sequence[Sample]) -> dict[str, list[NDArray[np.float32]]]:
        """Return float32 [atoms, width] of each sample after each interaction, of `embed`'s parts.

        `all` is what `embed_atoms` returns.
        """
        whole = self.embed_atoms(samples)
        widths = [len(columns) for columns in self._columns()]
        ends = np.cumsum(widths)
        layers = {
            f"interaction-{place}": [one[:, end - width : end] for one in whole]
            for place, (width, end) in enumerate(zip(widths, ends, strict=True), start=1)
        }
        return {**layers, "all": whole}

    def energy(self, atoms: Atoms) -> float:
        """Return the total energy in eV."""
        import torch

        with quiet(), torch.no_grad():
            return float(self.network(self._graph(atoms), compute_force=False)["energy"])

    def _features(self, samples: Sequence[Sample]) -> list[Any]:
        """Tensors [atoms, width]."""
        import torch

        columns = [place for layer in self._columns() for place in layer]
        with quiet(), torch.no_grad(), kept_memory():
            return [
                self.network(self._graph(one.atoms), compute_force=False)["node_feats"][:, columns]
                for one in samples
            ]

    def _columns(self) -> list[range]:
        """Columns of each layer that are taken; its scalars stand before its other components."""
        found: list[range] = []
        start = 0
        for product in self.network.products:
            layer = product.linear.irreps_out
            taken = layer.count("0e") if self.scalars_only else layer.dim
            found.append(range(start, start + taken))
            start += layer.dim
        return found

    def _graph(self, atoms: Atoms | None) -> dict[str, Any]:
        data = import_quietly("mace.data")
        tools = import_quietly("mace.tools")
        assert atoms is not None
        with tools.torch_tools.default_dtype("float32"):
            graph = data.AtomicData.from_config(
                data.config_from_atoms(copy_of(atoms), head_name=self.head),
                z_table=tools.AtomicNumberTable(self.network.atomic_numbers.tolist()),
                cutoff=float(self.network.r_max),
                heads=self.heads,
            )
        batch = tools.torch_geometric.Batch.from_data_list([graph])
        table: dict[str, Any] = batch.to_dict()
        return table
