"""NEP (Fan et al. 2021, doi:10.1103/PhysRevB.104.104309): latent space of a potential, calorine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.structures import boxed
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> Nep:
    """Use a text file of parameters, which calorine's compiled code reads at each call."""
    (path,) = weight_files(card)
    return Nep(
        str(path),
        describe=import_quietly("calorine.nep").get_latent_space,
        calculator=import_quietly("calorine.calculators").CPUNEP(str(path)),
    )


@dataclass
class Nep:
    """A neuroevolution potential; its hidden layer, each node times what the output gives it."""

    path: str
    describe: Any
    calculator: Any
    batch_size: int = 50

    def refuse(self, sample: Sample) -> str | None:  # noqa: ARG002  the protocol's signature
        """Refuse nothing beyond the card, which has the elements of the potential."""
        return None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), width]."""
        rows = [one.mean(0, dtype=np.float64) for one in self.embed_atoms(samples)]
        return np.stack(rows).astype(np.float32)

    def embed_atoms(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """Return float32 [atoms, width] of each sample."""
        found = []
        with quiet():
            for sample in samples:
                assert sample.atoms is not None
                found.append(np.asarray(self.describe(boxed(sample.atoms), self.path), np.float32))
        return found

    def energy(self, atoms: Atoms) -> float:
        """Return the total energy in eV."""
        with quiet():
            return float(self.calculator.get_potential_energy(boxed(atoms)))
