"""MatterSim v1 (Yang et al. 2024, arXiv:2405.04967): atom features before the energy read-out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.adapters._support.describe import accept
from pytest_matalign.zoo.adapters._support.memory import kept_memory
from pytest_matalign.zoo.adapters._support.pooling import mean_of
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.structures import boxed
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> Mattersim:
    """Load a checkpoint as the package does, with torch's restricted unpickler."""
    (path,) = weight_files(card)
    with quiet():
        potential = import_quietly("mattersim.forcefield.potential").Potential.from_checkpoint(
            str(path), device="cpu", load_training_state=False
        )
    network = potential.model.eval().requires_grad_(requires_grad=False)
    shuffle_if_asked(network, card)
    return Mattersim(network)


@dataclass
class Mattersim:
    """The M3GNet of a MatterSim; molecules are put in a box with vacuum."""

    network: Any
    batch_size: int = 10
    refuse = staticmethod(accept)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), units]; graphs go through the network one by one."""
        import torch

        seen: list[Any] = []
        hook = self.network.final.register_forward_pre_hook(
            lambda _, inputs: seen.append(inputs[0].detach())
        )
        try:
            with quiet(), torch.no_grad(), kept_memory():
                for sample in samples:
                    self.network(self._graph(sample))
        finally:
            hook.remove()
        return np.stack([mean_of(one) for one in seen])

    def _graph(self, sample: Sample) -> Any:
        build = import_quietly("mattersim.datasets.utils.build").build_dataloader
        to_dict = import_quietly("mattersim.forcefield.potential").batch_to_dict
        arguments = self.network.model_args
        assert sample.atoms is not None
        (batch,) = build(
            [boxed(sample.atoms)],
            cutoff=arguments["cutoff"],
            threebody_cutoff=arguments["threebody_cutoff"],
            batch_size=1,
            only_inference=True,
        )
        return to_dict(batch, device="cpu")
