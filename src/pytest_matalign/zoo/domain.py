"""Which samples a model's card covers, told without loading the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ase import Atoms

    from pytest_matalign.splits.sample import Input, Sample
    from pytest_matalign.zoo.card import ModelCard


def form(card: ModelCard, sample: Sample) -> Input | None:
    """The first of the card's inputs that the sample offers, or None."""
    return next((name for name in card.inputs if getattr(sample, name) is not None), None)


def refusal(card: ModelCard, sample: Sample) -> str | None:
    """Why a sample is outside what the card covers, in a few words, or None.

    The order is: no input the model reads, periodicity, elements, length.
    """
    chosen = form(card, sample)
    if chosen is None:
        return f"offers no {' or '.join(card.inputs)}"
    if chosen == "atoms":
        assert sample.atoms is not None
        return _atoms_refusal(card, sample.atoms)
    if chosen == "smiles":
        assert sample.smiles is not None
        return _too_long(card, sample.smiles, "characters") or _smiles_refusal(card, sample.smiles)
    if chosen == "sequence":
        assert sample.sequence is not None
        return _too_long(card, sample.sequence, "residues")
    assert sample.backbone is not None
    if len(sample.backbone) == 0:
        return "has no residues"
    return None


def _atoms_refusal(card: ModelCard, atoms: Atoms) -> str | None:
    if len(atoms) == 0:
        return "has no atoms"
    if card.periodic == "required" and not atoms.pbc.all():
        return "is not periodic in three directions"
    if card.periodic == "refused" and atoms.pbc.any():
        return "is periodic"
    return _uncovered(card, set(atoms.symbols))


def _smiles_refusal(card: ModelCard, smiles: str) -> str | None:
    if card.elements is None:
        return None
    from pytest_matalign.zoo.structures import molecule_of

    molecule = molecule_of(smiles)
    if molecule is None:
        return "has a SMILES that RDKit cannot read"
    hydrogens = any(atom.GetTotalNumHs() for atom in molecule.GetAtoms())
    symbols = {atom.GetSymbol() for atom in molecule.GetAtoms()} | ({"H"} if hydrogens else set())
    return _uncovered(card, symbols)


def _uncovered(card: ModelCard, symbols: set[str]) -> str | None:
    if card.elements is None:
        return None
    outside = sorted(symbols - set(card.elements))
    return f"contains {', '.join(outside)}, which the model does not cover" if outside else None


def _too_long(card: ModelCard, text: str, unit: str) -> str | None:
    if not text:
        return f"has no {unit}"
    if card.max_length is not None and len(text) > card.max_length:
        return f"has {len(text)} {unit}, the model reads {card.max_length}"
    return None
