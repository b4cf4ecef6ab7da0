"""What a language model is told before it reads a sample: every prompt of the zoo, in one place.

The paper prints no prompt in full; it says that its default prompt asks for a domain-agnostic
scientific encoder and that its blank one keeps only the first sentence. These do the same, in
words of our own, so embeddings agree with the paper's in kind and not in number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ase import Atoms

BLANK = "You are a domain-agnostic scientific encoder.\n"
PROMPTS = {
    "blank": BLANK,
    "default": (
        f"{BLANK.strip()} Read the system of atoms below. Take in everything that determines its "
        "physical and chemical properties: composition, bonding, geometry, charge and symmetry. "
        "Do not answer, explain or continue the text; encode it.\n"
    ),
}
"""Prompts by the name a card gives in its option `prompt`; each ends with a line break."""


def listing(atoms: Atoms) -> str:
    """A structure as text: a line in the manner of ASE's `Atoms`, then one line an atom.

    Args:
        atoms: Structure with positions and cell in Å.

    Returns:
        Formula, periodicity, the cell's vectors where there is one, and for every atom its
        symbol and Cartesian coordinates in Å with four decimals.
    """
    head = f"symbols='{atoms.get_chemical_formula()}', pbc={[bool(flag) for flag in atoms.pbc]}"
    if atoms.cell.rank:
        vectors = (", ".join(f"{length:.4f}" for length in row) for row in atoms.cell.array)
        head += f", cell=[{', '.join(f'[{vector}]' for vector in vectors)}]"
    lines = [
        f"{symbol:<2} {_signed(x)} {_signed(y)} {_signed(z)}"
        for symbol, (x, y, z) in zip(atoms.symbols, atoms.positions, strict=True)
    ]
    return "\n".join([f"Atoms({head})", *lines])


def _signed(length: float) -> str:
    """Four decimals in a column of ten; a zero carries no sign, which is noise."""
    return f"{round(length, 4) + 0.0:10.4f}"
