"""CHGNet (Deng et al. 2023, doi:10.1038/s42256-023-00716-3): atom features before the read-out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.adapters._support.memory import kept_memory
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.structures import boxed
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> Chgnet:
    """Load the checkpoint `checkpoint` (`0.3.0`, `0.2.0`, `r2scan`), or the file of a card."""
    package = import_quietly("chgnet.model")
    with quiet():
        if (named := card.options.get("checkpoint")) is not None:
            network = package.CHGNet.load(model_name=named, use_device="cpu", verbose=False)
        else:
            network = package.CHGNet.from_file(str(weight_files(card)[0]))
    network.eval().requires_grad_(requires_grad=False)
    shuffle_if_asked(network, card)
    return Chgnet(network)


@dataclass
class Chgnet:
    """A CHGNet ready to embed; molecules are put in a box with vacuum.

    The layer is the last atom convolution with its normalisation, taken where the package offers
    it: the sum over atoms called `crystal_fea`, divided by the number of atoms. (`atom_fea` is
    one convolution earlier.)
    """

    network: Any
    batch_size: int = 10

    def refuse(self, sample: Sample) -> str | None:
        """Refuse structures with an atom beyond the cutoff of every other."""
        assert sample.atoms is not None
        cutoff = float(self.network.graph_converter.atom_graph_cutoff)
        centres = _structure(sample.atoms).get_neighbor_list(r=cutoff, numerical_tol=1e-8)[0]
        alone = len(sample.atoms) - len(np.unique(centres))
        return f"has {alone} atoms without a neighbour within {cutoff:g} Å" if alone else None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 64].

        Graphs go through the network one by one. In a batch, CHGNet updates the bonds of a
        structure without bond angles if any other structure of the batch has some, and skips
        that update if none has: its embedding would depend on its neighbours in the batch.
        """
        with kept_memory():
            return np.stack([self._embed_one(sample) for sample in samples])

    def embed_atoms(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """Return float32 [atoms, 64] of each sample."""
        *_, last = self.embed_layers(samples).values()
        return last

    def embed_layers(self, samples: Sequence[Sample]) -> dict[str, list[NDArray[np.float32]]]:
        """Return float32 [atoms, 64] of each sample after each atom convolution.

        The last convolution is taken with the normalisation that follows it, as in `embed`.
        """
        names = [f"convolution-{i}" for i in range(1, len(self.network.atom_conv_layers) + 1)]
        watched = list(self.network.atom_conv_layers)
        if self.network.readout_norm is not None:
            watched[-1] = self.network.readout_norm
        found: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}

        def keep(name: str) -> Callable[..., None]:
            return lambda module, given, output: found[name].append(output.numpy().copy())  # noqa: ARG005  torch's hook signature

        hooks = [
            layer.register_forward_hook(keep(name))
            for name, layer in zip(names, watched, strict=True)
        ]
        try:
            self.embed(samples)
        finally:
            for hook in hooks:
                hook.remove()
        return found

    def energy(self, atoms: Atoms) -> float:
        """Return the total energy in eV."""
        import torch

        graph = self.network.graph_converter(_structure(atoms))
        with torch.no_grad():
            return float(self.network([graph], task="e")["e"]) * len(atoms)

    def _embed_one(self, sample: Sample) -> NDArray[np.float32]:
        import torch

        assert sample.atoms is not None
        graph = self.network.graph_converter(_structure(sample.atoms))
        with torch.no_grad():
            output = self.network([graph], task="e", return_crystal_feas=True)
        mean: NDArray[np.float32] = output["crystal_fea"][0].numpy() / np.float32(len(sample.atoms))
        return mean


def _structure(atoms: Atoms) -> Any:
    """The structure CHGNet sees: boxed if it is a molecule, without labels."""
    pymatgen = import_quietly("pymatgen.core")
    whole = boxed(atoms)
    return pymatgen.Structure(
        pymatgen.Lattice(whole.cell.array),
        list(whole.symbols),
        whole.positions,
        coords_are_cartesian=True,
    )
