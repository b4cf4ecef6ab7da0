"""What an adapter must provide: a loaded model that turns samples into an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample


class Model(Protocol):
    """A model with its weights in memory, ready to embed.

    An adapter module in `zoo/adapters/` defines `ADAPTER_VERSION: int` (raised whenever its
    numbers change) and `load(card: ModelCard) -> Model`.
    """

    @property
    def batch_size(self) -> int:
        """How many samples `embed` is best given at once."""
        ...

    def refuse(self, sample: Sample) -> str | None:
        """Say in a few words why this sample is outside the model's domain, or return None."""
        ...

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), width]: the mean-pooled last hidden layer of each."""
        ...


@runtime_checkable
class EnergyModel(Protocol):
    """An optional part of a model of atoms: the energy it was trained on."""

    def energy(self, atoms: Atoms) -> float:
        """Return the energy of a structure in eV, by the weights that `embed` uses."""
        ...


@runtime_checkable
class CalculatorModel(Protocol):
    """An optional part of a model of atoms: energies and forces as ASE computes them."""

    @property
    def calculator(self) -> Any:
        """A calculator of ASE, by the weights that `embed` uses."""
        ...


@runtime_checkable
class AtomModel(Protocol):
    """An optional part of a model of atoms: features of single atoms, before any pooling.

    `embed` of such a model is the mean of the same features, so nothing here changes its numbers.
    """

    def embed_atoms(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """Return float32 [atoms, width] of each sample, in the order of its atoms."""
        ...


@runtime_checkable
class LayerModel(AtomModel, Protocol):
    """An optional part of a model of atoms: invariant features of every layer."""

    def embed_layers(self, samples: Sequence[Sample]) -> dict[str, list[NDArray[np.float32]]]:
        """Return by layer, first to last, what `embed_atoms` returns of the last one."""
        ...
