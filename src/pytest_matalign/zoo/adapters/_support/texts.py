"""How a sample becomes the text a model reads: SMILES, SELFIES, residues, 3Di states, a listing."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.adapters._support.prompts import listing
from pytest_matalign.zoo.quiet import import_quietly
from pytest_matalign.zoo.structures import molecule_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

RARE = str.maketrans("UZOB", "XXXX")
"""Residues the T5 models of proteins were trained to see as unknown."""


class NoTextError(Exception):
    """A sample cannot be written as the text a model reads; its words say why."""


def text_of(card: ModelCard) -> Callable[[Sample], str]:
    """The function that writes a sample as a card's model reads it.

    The card's option `text` names the form; without it, it is the card's first input.
    `stereo = false` drops stereochemistry from SMILES, `rare_as_x = true` writes residues U, Z,
    O and B as X.

    Raises:
        ConfigurationError: If there is no such form.
    """
    form = str(card.options.get("text", card.inputs[0]))
    stereo = bool(card.options.get("stereo", True))
    rare_as_x = bool(card.options.get("rare_as_x", False))
    forms: Mapping[str, Callable[[Sample], str]] = {
        "smiles": lambda sample: canonical_smiles(sample, stereo=stereo),
        "selfies": lambda sample: selfies(canonical_smiles(sample, stereo=stereo)),
        "sequence": lambda sample: _residues(sample, rare_as_x=rare_as_x),
        "3di": _structure_states,
        "listing": _listing,
    }
    if form not in forms:
        raise ConfigurationError(
            f"{card.id}: there is no form of text {form!r}; valid: {', '.join(forms)}."
        )
    return forms[form]


def canonical_smiles(sample: Sample, *, stereo: bool = True) -> str:
    """RDKit's canonical SMILES, so that spelling does not change an embedding.

    Raises:
        NoTextError: If RDKit cannot read the sample's SMILES.
    """
    from rdkit import Chem

    assert sample.smiles is not None
    molecule = molecule_of(sample.smiles)
    if molecule is None:
        raise NoTextError("has a SMILES that RDKit cannot read")
    return Chem.MolToSmiles(molecule, isomericSmiles=stereo)


def selfies(smiles: str) -> str:
    """SELFIES of a SMILES (Krenn et al. 2020, doi:10.1088/2632-2153/aba947).

    Raises:
        NoTextError: If the molecule breaks the valences that SELFIES allows.
    """
    package = import_quietly("selfies")
    try:
        return str(package.encoder(smiles))
    except package.EncoderError as error:
        raise NoTextError("cannot be written as SELFIES") from error


def three_di(backbone: NDArray[np.float32]) -> str:
    """Foldseek's 3Di states of a chain (van Kempen et al. 2024, doi:10.1038/s41587-023-01773-0).

    Args:
        backbone: [residues, 4, 3], positions of N, CA, C, O in Å. The Cβ that the states want is
            left for mini3di to build from them.

    Returns:
        One upper-case letter a residue.
    """
    import numpy as np

    places: dict[str, Any] = {
        "ca": backbone[:, 1],
        "cb": np.full_like(backbone[:, 1], np.nan),
        "n": backbone[:, 0],
        "c": backbone[:, 2],
    }
    encoder = _state_encoder()
    return str(encoder.build_sequence(encoder.encode_atoms(**places)))


@cache
def _state_encoder() -> Any:
    return import_quietly("mini3di").Encoder()


def _residues(sample: Sample, *, rare_as_x: bool) -> str:
    assert sample.sequence is not None
    return sample.sequence.translate(RARE) if rare_as_x else sample.sequence


def _structure_states(sample: Sample) -> str:
    assert sample.backbone is not None
    if len(sample.backbone) < 3:
        raise NoTextError("has fewer than three residues, too few for 3Di states")
    # Lower case tells ProstT5 that a letter is a state and not a residue.
    return three_di(sample.backbone).lower()


def _listing(sample: Sample) -> str:
    assert sample.atoms is not None
    return listing(sample.atoms)
