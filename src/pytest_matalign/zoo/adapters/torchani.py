"""ANI-1x and ANI-1ccx (Smith et al. 2019, doi:10.1038/s41467-019-10827-4) by TorchANI 2.0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_matalign.zoo.adapters._support.describe import accept
from pytest_matalign.zoo.adapters._support.pooling import mean_by_mask
from pytest_matalign.zoo.energies import HARTREE_EV
from pytest_matalign.zoo.quiet import import_quietly, quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
WIDTH = 96
"""Nodes of the last hidden layer, the same for each of the four elements."""


def load(card: ModelCard) -> Ani:
    """Load the ensemble named by the option `model` (`ANI1x`, `ANI1ccx`)."""
    package = import_quietly("torchani")
    with quiet():
        network = getattr(package.models, str(card.options["model"]))(periodic_table_index=True)
    network.eval().requires_grad_(requires_grad=False)
    return Ani(network)


@dataclass
class Ani:
    """An ANI ensemble: eight members' last hidden layers side by side, 96 nodes each."""

    network: Any
    batch_size: int = 25
    refuse = staticmethod(accept)  # the card has the elements that ANI would silently ignore

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 8 x 96]."""
        features, species = self._features(samples)
        return mean_by_mask(features, species >= 0)

    def embed_atoms(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """Return float32 [atoms, 8 x 96] of each sample."""
        features, species = self._features(samples)
        return [one[here].float().numpy() for one, here in zip(features, species >= 0, strict=True)]

    def energy(self, atoms: Atoms) -> float:
        """Return the total energy in eV: the ensemble's mean."""
        import torch

        numbers = torch.from_numpy(atoms.numbers)[None]
        places = torch.from_numpy(atoms.positions)[None].float()
        with torch.no_grad():
            return float(self.network((numbers, places)).energies) * HARTREE_EV

    def _features(self, samples: Sequence[Sample]) -> tuple[Any, Any]:
        """Tensors [samples, atoms, 8 x 96] and [samples, atoms]; species -1 is padding."""
        import torch

        structures = [sample.atoms for sample in samples if sample.atoms is not None]
        longest = max(map(len, structures))
        species = torch.full((len(structures), longest), -1)
        places = torch.zeros((len(structures), longest, 3))
        for index, atoms in enumerate(structures):
            numbers = torch.from_numpy(atoms.numbers)
            species[index, : len(atoms)] = self.network.species_converter.conv_tensor[numbers]
            places[index, : len(atoms)] = torch.from_numpy(atoms.positions)
        with torch.no_grad():
            environments = self.network.aev_computer((species, places)).aevs
            features = torch.cat(
                [_hidden(one, species, environments) for one in self.network.neural_networks], -1
            )
        return features, species


def _hidden(member: Any, species: Any, environments: Any) -> Any:
    """Activations before a member's output node, [samples, atoms, 96]; padding stays zero."""
    features = environments.new_zeros((*species.shape, WIDTH))
    for index, network in enumerate(member.values()):
        here = species == index
        if here.any():
            features[here] = network[:-1](environments[here])
    return features
