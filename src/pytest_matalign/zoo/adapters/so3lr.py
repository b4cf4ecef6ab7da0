"""SO3LR (Kabylda et al. 2025, doi:10.1021/jacs.5c09558): invariant features of So3krates."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_matalign.zoo.adapters._support.describe import accept
from pytest_matalign.zoo.adapters._support.pooling import mean_by_sample
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.structures import copy_of
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> So3lr:
    """Load the model of the package, which is a pickled module (as the package itself does)."""
    import torch

    import_quietly("so3krates_torch.calculator.so3")
    with quiet():
        network = torch.load(weight_files(card)[0], map_location="cpu", weights_only=False)
    network.eval().requires_grad_(requires_grad=False)
    return So3lr(network.float())


@dataclass
class So3lr:
    """A So3krates network up to its last transformer; molecules are taken as neutral singlets."""

    network: Any
    batch_size: int = 10
    refuse = staticmethod(accept)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 128]."""
        return mean_by_sample(self._features(samples), [len(s.atoms or ()) for s in samples])

    def embed_atoms(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """Return float32 [atoms, 128] of each sample."""
        parts = self._features(samples).split([len(s.atoms or ()) for s in samples])
        return [part.float().numpy() for part in parts]

    def energy(self, atoms: Atoms) -> float:
        """Return the total energy in eV, by the package's calculator with its own long ranges."""
        package = import_quietly("so3krates_torch.calculator.so3")
        with quiet():
            calculator = package.TorchkratesCalculator(
                models=[deepcopy(self.network)],
                r_max_lr=12.0,
                dispersion_energy_cutoff_lr_damping=2.0,
                device="cpu",
                model_type="so3lr",
            )
            return float(calculator.get_potential_energy(copy_of(atoms)))

    def _features(self, samples: Sequence[Sample]) -> Any:
        """Tensor [atoms of all samples, 128]."""
        import torch

        merge = import_quietly("so3krates_torch.tools.torch_geometric").Batch.from_data_list
        batch = merge([self._graph(sample) for sample in samples])
        with torch.no_grad():
            features, _ = self.network.get_representation(batch.to_dict())
        return features

    def _graph(self, sample: Sample) -> Any:
        data = import_quietly("so3krates_torch.data.atomic_data").AtomicData
        configuration = import_quietly("so3krates_torch.data.utils").Configuration
        table = import_quietly("so3krates_torch.tools.utils").AtomicNumberTable
        assert sample.atoms is not None
        return data.from_config(
            configuration(
                atomic_numbers=sample.atoms.numbers,
                positions=sample.atoms.positions,
                properties={"total_charge": 0.0, "total_spin": 0.0},
                property_weights={},
            ),
            z_table=table(list(range(1, 119))),
            cutoff=float(self.network.r_max),
            # Only energies use the long-range neighbours, but the graph must have some.
            cutoff_lr=float(self.network.r_max),
        )
