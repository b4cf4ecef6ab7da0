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
        atoms: Structure with positions in Å (a cell and `pbc` for crystals); a total charge
            other than zero stands in `atoms.info["charge"]`, in units of e.
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
        return self.read_digest()

    def read_digest(self) -> str:
        """Return the digest of the sample as it is now.

        Lengths enter as whole multiples of 1e-6 Å (1e-3 Å for float32 backbones), so that
        neither the sign of a zero nor the last bit of a sum changes the digest.
        """
        import hashlib

        digest = hashlib.sha256()
        for name, content in self._contents():
            digest.update(f"{name} {len(content)}\n".encode())
            digest.update(content)
        return digest.hexdigest()

    def _contents(self) -> list[tuple[str, bytes]]:
        """Every input at hand as bytes that are the same on every machine."""
        import numpy as np

        def in_steps_of(step: float, array: object) -> bytes:
            return np.rint(np.asarray(array, dtype=np.float64) / step).astype("<i8").tobytes()

        found = [("id", self.id.encode())]
        if self.smiles is not None:
            found.append(("smiles", self.smiles.encode()))
        if self.sequence is not None:
            found.append(("sequence", self.sequence.encode()))
        if self.atoms is not None:
            found += [
                ("numbers", np.asarray(self.atoms.numbers, dtype="<i8").tobytes()),
                ("positions", in_steps_of(1e-6, self.atoms.positions)),
                ("cell", in_steps_of(1e-6, self.atoms.cell.array)),
                ("pbc", bytes(int(flag) for flag in self.atoms.pbc)),
                ("charge", str(int(self.atoms.info.get("charge", 0))).encode()),
            ]
        if self.backbone is not None:
            found.append(("backbone", in_steps_of(1e-3, self.backbone)))
        return found
