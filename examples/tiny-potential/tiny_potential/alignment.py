"""What `[tool.matalign]` points at: from a list of structures to one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tiny_potential.model import TinyPotential

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms


def embedder() -> Callable[[Sequence[Atoms]], np.ndarray]:
    """Mean over atoms of the last hidden layer, [structures, width]."""
    model = TinyPotential()

    def embed(structures: Sequence[Atoms]) -> np.ndarray:
        return np.stack([model.hidden(atoms).mean(axis=0) for atoms in structures])

    return embed
