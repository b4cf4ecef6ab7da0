"""Geom2Vec (Pengmei et al. 2024, arXiv:2409.19838): scalars of a network trained to denoise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.adapters._support.pooling import mean_by_sample
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
PREFIX = "representation_model."
WIDTH, CUTOFF, ELEMENTS = 64, 7.5, 100
"""Of the published checkpoints; the cutoff is in Å."""


def load(card: ModelCard) -> Geom2vec:
    """Load a state dict into the network of the package the authors took it from.

    The option `network` is `et` (TorchMD-ET of torchmd-net) or `visnet` (of torch-geometric).
    Upstream keeps 32 neighbours of an atom, whichever the order of the atoms brings first; here
    all within the cutoff are kept.

    Raises:
        ConfigurationError: If the option is neither.
    """
    import torch

    makers = {"et": _torchmd, "visnet": _visnet}
    kind = card.options.get("network")
    if kind not in makers:
        raise ConfigurationError(f"{card.id}: the option `network` is one of {', '.join(makers)}.")
    (path,) = weight_files(card)
    saved = torch.load(path, map_location="cpu", weights_only=True)
    state = {k.removeprefix(PREFIX): v for k, v in saved.items() if k.startswith(PREFIX)}
    with quiet():
        network = makers[str(kind)]()
    network.load_state_dict(state)
    network.distance = _distances
    network.eval().requires_grad_(requires_grad=False)
    shuffle_if_asked(network, card)
    return Geom2vec(network)


def _torchmd() -> Any:
    network = import_quietly("torchmdnet.models.torchmd_et").TorchMD_ET(
        hidden_channels=WIDTH,
        num_layers=6,
        num_rbf=64,
        trainable_rbf=False,
        neighbor_embedding=False,
        num_heads=8,
        cutoff_upper=CUTOFF,
        max_z=ELEMENTS,
    )
    del network.distance
    return network


def _visnet() -> Any:
    network = import_quietly("torch_geometric.nn.models.visnet").ViSNetBlock(
        lmax=1,
        vecnorm_type="max_min",
        num_heads=8,
        num_layers=6,
        hidden_channels=WIDTH,
        num_rbf=64,
        trainable_rbf=False,
        max_z=ELEMENTS,
        cutoff=CUTOFF,
    )
    del network.distance
    return network


def _distances(places: Any, batch: Any, box: Any = None) -> tuple[Any, Any, Any]:
    """Edges of one molecule within the cutoff, an atom's with itself among them.

    Takes the place of compiled routines, which the packages call with (positions, batch, box).

    Returns:
        Ends [2, edges], distances [edges] and vectors [edges, 3] in Å, from second to first end.
    """
    import torch

    del batch, box
    between = places[:, None] - places[None, :]
    apart = between.square().sum(-1).sqrt()
    ends = (apart < CUTOFF).nonzero().T
    first, second = ends
    return ends, apart[first, second], torch.clone(between[first, second])


@dataclass
class Geom2vec:
    """A representation network; molecules go through it one by one."""

    network: Any
    batch_size: int = 25

    def refuse(self, sample: Sample) -> str | None:
        """Refuse elements beyond the table of embeddings."""
        assert sample.atoms is not None
        heavy = sorted({int(number) for number in sample.atoms.numbers if number >= ELEMENTS})
        return f"contains the elements {heavy}, which the model does not cover" if heavy else None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 64]."""
        return np.stack([mean_by_sample(one, [len(one)])[0] for one in self._features(samples)])

    def embed_atoms(self, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        """Return float32 [atoms, 64] of each sample."""
        return [one.numpy() for one in self._features(samples)]

    def _features(self, samples: Sequence[Sample]) -> list[Any]:
        return [self.run(s.atoms.numbers, s.atoms.positions)[0] for s in samples if s.atoms]

    def run(self, numbers: Any, places: Any) -> tuple[Any, Any]:
        """Scalars [atoms, 64] and vectors [atoms, 3, 64] before the head that predicts noise."""
        import torch

        z = torch.as_tensor(np.asarray(numbers), dtype=torch.long)
        where = torch.as_tensor(np.asarray(places), dtype=torch.float32)
        batch = torch.zeros_like(z)
        with torch.no_grad():
            if type(self.network).__name__ == "ViSNetBlock":
                scalars, vectors = self.network(z, where, batch)
            else:
                scalars, vectors, *_ = self.network(z, where, batch)
        return scalars, vectors
