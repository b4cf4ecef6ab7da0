"""Total charge and spin of a structure, for models that ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ase import Atoms


def total_charge(atoms: Atoms) -> int:
    """Charge in units of e that the sample states; 0 where it states none."""
    return int(atoms.info.get("charge", 0))


def multiplicity(atoms: Atoms) -> int:
    """Lowest spin multiplicity the number of electrons allows: 1 if it is even, 2 if odd."""
    electrons = int(sum(atoms.numbers.tolist())) - total_charge(atoms)
    return 1 + electrons % 2
