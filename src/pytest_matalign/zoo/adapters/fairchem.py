"""Checkpoints of fairchem-core 2: UMA (arXiv:2506.23971) and eSEN of OMol25 (arXiv:2505.08762)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.adapters._support.describe import accept
from pytest_matalign.zoo.adapters._support.electrons import multiplicity, total_charge
from pytest_matalign.zoo.adapters._support.memory import kept_memory
from pytest_matalign.zoo.adapters._support.pooling import mean_of
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.structures import boxed, copy_of
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> Fairchem:
    """Load an inference checkpoint, a pickle; `task` picks the data set UMA is to speak for.

    Of the two sets of weights in it the averaged ones are taken, as the package's calculator
    does.

    Raises:
        ConfigurationError: If the option `task` is none of the checkpoint's.
    """
    (path,) = weight_files(card)
    settings = {"always_use_pbc": False, "otf_graph": True, "activation_checkpointing": False}
    with quiet():
        read = import_quietly("fairchem.core.units.mlip_unit.utils").load_inference_model
        averaged, checkpoint = read(str(path), {"backbone": settings}, use_ema=True)
    tasks = sorted({name for one in checkpoint.tasks_config for name in one["datasets"]})
    task = card.options.get("task")
    if task not in tasks:
        raise ConfigurationError(f"{card.id}: the option `task` is one of {', '.join(tasks)}.")
    backbone = averaged.module.backbone.eval()
    # Energies alone need no gradients, and a direct model's backbone is the same.
    backbone.regress_config.forces = backbone.regress_config.stress = False
    backbone.requires_grad_(requires_grad=False)
    shuffle_if_asked(backbone, card)
    return Fairchem(backbone, str(task))


@dataclass
class Fairchem:
    """The backbone of a fairchem model, asked in the name of one of its data sets.

    Where that is OMol25 the total charge and the lowest spin multiplicity are given, elsewhere
    zero for both, as in training.
    """

    backbone: Any
    task: str
    batch_size: int = 10
    refuse = staticmethod(accept)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), channels]; graphs go through the network one by one."""
        import torch

        with quiet(), torch.no_grad(), kept_memory():
            return np.stack([self._embed_one(sample) for sample in samples])

    def _embed_one(self, sample: Sample) -> NDArray[np.float32]:
        import torch

        merge = import_quietly("fairchem.core.datasets.atomic_data").atomicdata_list_to_batch
        with torch.random.fork_rng(devices=[]):
            # Each edge's frame is turned about the edge by a random angle, which changes nothing
            # but the rounding.
            torch.manual_seed(0)
            output = self.backbone(merge([self._graph(sample)]))
        scalars = output["node_embedding"][:, 0, :]
        return mean_of(scalars)

    def _graph(self, sample: Sample) -> Any:
        data = import_quietly("fairchem.core.datasets.atomic_data").AtomicData
        assert sample.atoms is not None
        mixed = sample.atoms.pbc.any() and not sample.atoms.pbc.all()
        atoms = boxed(sample.atoms) if mixed else copy_of(sample.atoms)
        molecular = self.task == "omol"
        atoms.info |= {
            "charge": total_charge(sample.atoms) if molecular else 0,
            "spin": multiplicity(sample.atoms) if molecular else 0,
        }
        return data.from_ase(
            atoms, task_name=self.task, r_edges=False, r_data_keys=["spin", "charge"]
        )
