"""Orb (Rhodes et al. 2025, arXiv:2504.06231): node features before the heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.adapters._support.electrons import multiplicity, total_charge
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


def load(card: ModelCard) -> Orb:
    """Load the checkpoint `checkpoint`, a name of the package such as `orb-v3-direct-20-omat`.

    Raises:
        ConfigurationError: If the package knows no such name.
    """
    import torch

    builders = import_quietly("orb_models.forcefield.pretrained").ORB_PRETRAINED_MODELS
    name = card.options.get("checkpoint")
    if name not in builders:
        known = ", ".join(sorted(builders))
        raise ConfigurationError(f"{card.id}: the option `checkpoint` is one of {known}.")
    (path,) = weight_files(card)
    # The package sets this for the whole process.
    before = torch.get_float32_matmul_precision()
    try:
        with quiet():
            regressor = builders[name](
                weights_path=str(path), device="cpu", precision="float32-highest", compile=False
            )
    finally:
        torch.set_float32_matmul_precision(before)
    shuffle_if_asked(regressor.model, card)
    return Orb(regressor.model.eval(), regressor.system_config)


@dataclass
class Orb:
    """The network of an Orb model, without its heads.

    Its features are not invariant under rotation. With at most 20 neighbours, which of several
    equally distant ones an atom keeps depends on the order of the atoms.
    """

    network: Any
    system: Any
    batch_size: int = 10

    def refuse(self, sample: Sample) -> str | None:
        """Refuse slabs and wires: Orb knows periodicity in all directions or in none."""
        assert sample.atoms is not None
        count = int(sample.atoms.pbc.sum())
        return f"is periodic in {count} of three directions" if count in (1, 2) else None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 256]; graphs go through the network one by one."""
        import torch

        with quiet(), torch.no_grad(), kept_memory():
            return np.stack([self._embed_one(sample) for sample in samples])

    def _embed_one(self, sample: Sample) -> NDArray[np.float32]:
        convert = import_quietly("orb_models.forcefield.atomic_system").ase_atoms_to_atom_graphs
        assert sample.atoms is not None
        atoms = copy_of(sample.atoms)
        # Models without a place for them leave both unread.
        atoms.info |= {"charge": total_charge(sample.atoms), "spin": multiplicity(sample.atoms)}
        output = self.network(convert(atoms, self.system, device="cpu"))
        features = output["node_features"]
        return mean_of(features)
