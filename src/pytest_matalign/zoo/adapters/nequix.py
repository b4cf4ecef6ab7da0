"""Nequix (Koker et al. 2025, arXiv:2508.16067): invariants that the read-out takes, by JAX."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.structures import copy_of, with_volume
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
SMALLEST = 128
"""Edges of the smallest graph compiled."""
EDGES_PER_ATOM = 8
"""A padded graph has room for one atom per so many edges, or for as many as it holds."""


def load(card: ModelCard) -> Nequix:
    """Load an `.nqx` file, a line of JSON and arrays; reading it runs no code.

    The option `shuffle_seed` permutes the entries of each array, as for networks of torch.
    """
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    (path,) = weight_files(card)
    with quiet():
        network, config = import_quietly("nequix.model").load_model(str(path), kernel=False)
    if "shuffle_seed" in card.options:
        network = _shuffled(network, seed=int(card.options["shuffle_seed"]))
    places = {int(number): row for row, number in enumerate(config["atomic_numbers"])}
    return Nequix(network, places, cutoff=float(config["cutoff"]), run=_compiled())


def _shuffled(network: Any, *, seed: int) -> Any:
    """The network with the entries of every array of numbers permuted, leaf by leaf."""
    jax = import_quietly("jax")
    generator = np.random.default_rng(seed)

    def permute(leaf: Any) -> Any:
        if not (hasattr(leaf, "dtype") and jax.numpy.issubdtype(leaf.dtype, jax.numpy.floating)):
            return leaf
        return jax.numpy.asarray(
            generator.permutation(np.asarray(leaf).ravel()).reshape(leaf.shape)
        )

    return jax.tree_util.tree_map(permute, network)


def _compiled() -> Any:
    """A function of a network and a padded graph: features [atoms, width], energies [atoms]."""
    equinox = import_quietly("equinox")

    def run(network: Any, vectors: Any, species: Any, senders: Any, receivers: Any) -> Any:
        kept: list[Any] = []
        readout = network.readout

        def tap(features: Any) -> Any:
            kept.append(features.filter("0e").array)
            return readout(features)

        tapped = equinox.tree_at(lambda one: one.readout, network, tap)
        energies = tapped.node_energies(vectors, species, senders, receivers)
        return kept[0], energies[:, 0]

    return equinox.filter_jit(run)


@dataclass
class Nequix:
    """A Nequix network; structures go through it one by one, padded to a few sizes of graph.

    JAX compiles for each size of its inputs. The atom that padding adds is joined to itself only.
    """

    network: Any
    places: dict[int, int]
    cutoff: float
    run: Any
    batch_size: int = 10

    def refuse(self, sample: Sample) -> str | None:
        """Refuse elements the network has no embedding for."""
        from ase.data import chemical_symbols

        assert sample.atoms is not None
        unknown = sorted(set(sample.atoms.numbers.tolist()) - set(self.places))
        outside = ", ".join(chemical_symbols[number] for number in unknown)
        return f"contains {outside}, which the model does not cover" if outside else None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 128]."""
        rows = [one.mean(0, dtype=np.float64) for one in self.embed_atoms(samples)]
        return np.stack(rows).astype(np.float32)

    def embed_atoms(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """Return float32 [atoms, 128] of each sample."""
        return [self._run(sample.atoms)[0] for sample in samples if sample.atoms is not None]

    def energy(self, atoms: Atoms) -> float:
        """Return the total energy in eV."""
        return float(self._run(atoms)[1].sum(dtype=np.float64))

    def _run(self, atoms: Atoms) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Features [atoms, 128] and energies [atoms] of a structure."""
        read = partial(import_quietly("nequix.data").preprocess_graph, targets=False)
        graph = read(with_volume(copy_of(atoms)), self.places, self.cutoff)
        count, edges = len(atoms), len(graph["senders"])
        room = SMALLEST
        while room < edges:
            room *= 2
        nodes = max(room // EDGES_PER_ATOM, _next_power(count + 1))
        vectors = np.zeros((room, 3), dtype=np.float32)
        vectors[:edges] = _vectors(graph, atoms)
        ends = np.full((2, room), nodes - 1, dtype=np.int32)
        ends[:, :edges] = graph["senders"], graph["receivers"]
        species = np.zeros(nodes, dtype=np.int32)
        species[:count] = graph["species"]
        features, energies = self.run(self.network, vectors, species, *ends)
        return np.asarray(features)[:count], np.asarray(energies)[:count]


def _next_power(count: int) -> int:
    return 1 << (count - 1).bit_length()


def _vectors(graph: dict[str, Any], atoms: Atoms) -> NDArray[np.float32]:
    """From the receiver of each edge to its sender, in Å; float32 as the package computes it."""
    cell = with_volume(atoms).cell.array.astype(np.float32)
    between = graph["positions"][graph["senders"]] - graph["positions"][graph["receivers"]]
    found: NDArray[np.float32] = between + graph["shifts"] @ cell
    return found
