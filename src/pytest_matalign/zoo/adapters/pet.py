"""PET, the point edge transformer (Pozdnyakov and Ceriotti 2023, arXiv:2305.19302): PET-MAD."""

from __future__ import annotations

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
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> Pet:
    """Load a checkpoint of metatrain, a pickle; checkpoints of older formats are brought up.

    Raises:
        ConfigurationError: If it holds another architecture or no energy.
    """
    (path,) = weight_files(card)
    with quiet():
        loaded = import_quietly("metatrain.utils.io").load_model(path)
    # Some releases wrap the network in one that adds uncertainties.
    network = getattr(loaded, "model", loaded)
    name = type(network).__name__
    if name != "PET" or "energy" not in network.target_names:
        raise ConfigurationError(f"{card.id}: {path.name} holds {name}, not a PET for energies.")
    network.float().eval().requires_grad_(requires_grad=False)
    shuffle_if_asked(network, card)
    return Pet(network)


@dataclass
class Pet:
    """A PET read before the last linear layer of its energy.

    Each layer's node features and its edge features, summed over neighbours, stand one behind the
    other. PET does not know rotations: its features change a little when a structure is turned.
    """

    network: Any
    batch_size: int = 10

    def refuse(self, sample: Sample) -> str | None:
        """Refuse elements the network has no embedding for."""
        assert sample.atoms is not None
        from ase.data import chemical_symbols

        numbers = set(sample.atoms.numbers.tolist()) - set(self.network.atomic_types)
        outside = sorted(chemical_symbols[number] for number in numbers)
        return f"contains {', '.join(outside)}, which the model does not cover" if outside else None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), width]; structures go through the network one by one."""
        import torch

        with quiet(), torch.no_grad(), kept_memory():
            return np.stack([self._embed_one(sample) for sample in samples])

    def _embed_one(self, sample: Sample) -> NDArray[np.float32]:
        metatomic = import_quietly("metatomic.torch")
        add = import_quietly("metatrain.utils.neighbor_lists").get_system_with_neighbor_lists
        import torch

        assert sample.atoms is not None
        system = metatomic.systems_to_torch(copy_of(sample.atoms), dtype=torch.float32)
        system = add(system, self.network.requested_neighbor_lists())
        wanted = "mtt::aux::energy_last_layer_features"
        output = self.network([system], {wanted: metatomic.ModelOutput(sample_kind="atom")})
        features = output[wanted].block().values
        return mean_of(features)
