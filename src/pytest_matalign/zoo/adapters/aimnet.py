"""AIMNet2 (Anstine et al. 2025, doi:10.1039/D4SC08572H): the atoms-in-molecules vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.adapters._support.describe import accept
from pytest_matalign.zoo.adapters._support.electrons import multiplicity, total_charge
from pytest_matalign.zoo.adapters._support.memory import kept_memory
from pytest_matalign.zoo.adapters._support.pooling import mean_of
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1


def load(card: ModelCard) -> Aimnet:
    """Load a model file of format 2, which the package reads with torch's restricted unpickler."""
    (path,) = weight_files(card)
    with quiet():
        calculator = import_quietly("aimnet.calculators").AIMNet2Calculator(str(path), device="cpu")
    calculator.model.eval().requires_grad_(requires_grad=False)
    shuffle_if_asked(calculator.model, card)
    return Aimnet(calculator)


@dataclass
class Aimnet:
    """One member of an AIMNet2 ensemble, with the total charge and the lowest multiplicity."""

    calculator: Any
    batch_size: int = 10
    refuse = staticmethod(accept)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 256]; molecules go through the network one by one."""
        import torch

        seen: list[Any] = []
        hook = self.calculator.model.register_forward_hook(
            lambda _module, _inputs, output: seen.append(output["aim"].detach())
        )
        try:
            with quiet(), torch.no_grad(), kept_memory():
                for sample in samples:
                    self.calculator.eval(_input(sample))
        finally:
            hook.remove()
        counts = [len(sample.atoms or ()) for sample in samples]
        # Behind the atoms there may stand one that fills up the package's neighbour lists.
        rows = [one.flatten(0, -2)[:count] for one, count in zip(seen, counts, strict=True)]
        return np.stack([mean_of(one) for one in rows])


def _input(sample: Sample) -> dict[str, Any]:
    assert sample.atoms is not None
    return {
        "coord": sample.atoms.positions.astype(np.float32),
        "numbers": sample.atoms.numbers,
        "charge": total_charge(sample.atoms),
        "mult": multiplicity(sample.atoms),
    }
