"""One sample of a split, in every form a model may ask for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

Input = Literal["atoms", "smiles", "sequence", "backbone"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One molecule, crystal or protein.

    Attributes:
        id: Unique within its split; never contains a line break.
        atoms: Structure with positions in Å (a cell and `pbc` for crystals).
        smiles: SMILES string.
        sequence: Protein sequence in one-letter codes.
        backbone: float32 array [residues, 4, 3] of N, CA, C, O positions in Å.
        labels: Known properties by name, with the unit in the name (`gap_Ha`).
    """

    id: str
    atoms: Atoms | None = None
    smiles: str | None = None
    sequence: str | None = None
    backbone: NDArray[np.float32] | None = None
    labels: Mapping[str, float | str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the id and every input a model can see (labels excluded)."""
        import hashlib

        import numpy as np

        digest = hashlib.sha256()
        for part in (self.id, self.smiles, self.sequence):
            digest.update(b"\0" if part is None else b"\1" + part.encode() + b"\0")
        if self.atoms is not None:
            for array in (self.atoms.numbers, self.atoms.positions, self.atoms.cell.array):
                digest.update(np.round(np.asarray(array, dtype="<f8"), 6).tobytes())
            digest.update(bytes(int(flag) for flag in self.atoms.pbc))
        if self.backbone is not None:
            digest.update(np.asarray(self.backbone, dtype="<f4").tobytes())
        return digest.hexdigest()
