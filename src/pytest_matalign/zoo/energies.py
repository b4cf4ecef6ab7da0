"""Whether a loaded potential gives the energies on its card.

A package may read weights of another format without an error and compute something else. Rows of
such a network look like any others; an energy tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.model import EnergyModel

if TYPE_CHECKING:
    from ase import Atoms

    from pytest_matalign.zoo.card import ModelCard, ReferenceEnergy
    from pytest_matalign.zoo.model import Model

HARTREE_EV = 27.211386245988
"""CODATA 2018."""


def check_energies(card: ModelCard, model: Model) -> None:
    """Refuse a model that does not give the reference energies of its card.

    Raises:
        ConfigurationError: If the card states energies and its adapter computes none, or a
            structure cannot be read.
        UnavailableError: If an energy differs by more than its tolerance.
    """
    for reference in card.energies:
        found = energy_of(model, reference, card=card)
        # Not a number is not within any tolerance.
        if not abs(found - reference.value) <= reference.tolerance:
            raise UnavailableError(
                f"{card.id}: the loaded network gives {found:.4f} {reference.unit} for "
                f"{reference.structure} where its card states {reference.value:.4f} ± "
                f"{reference.tolerance:g} ({reference.source}); the installed package reads these "
                f"weights as another network, so install the version the card was written for."
            )


def energy_of(model: Model, reference: ReferenceEnergy, *, card: ModelCard) -> float:
    """Return what a model gives for a reference structure, in the reference's unit.

    Raises:
        ConfigurationError: As `check_energies`.
    """
    if not isinstance(model, EnergyModel):
        raise ConfigurationError(
            f"{card.id}: its card states energies and its adapter {card.adapter} has no "
            f"`energy(atoms)`."
        )
    atoms = structure_of(reference.structure)
    size = {"eV": 1.0, "eV/atom": float(len(atoms)), "Ha": HARTREE_EV}[reference.unit]
    return model.energy(atoms) / size


def structure_of(name: str) -> Atoms:
    """Return the structure a reference energy is of.

    Args:
        name: Formula, lattice and its constant in Å, which is the primitive cell of ASE's `bulk`;
            or the name of a molecule of the G2 set, with ASE's coordinates.

    Raises:
        ConfigurationError: If ASE knows no such structure.
    """
    from ase.build import bulk, molecule

    parts = name.split()
    try:
        if len(parts) == 1:
            return molecule(name)  # type: ignore[no-any-return]  # ASE's methods carry no types
        formula, lattice, constant = parts
        return bulk(formula, lattice, a=float(constant))
    except (KeyError, ValueError, RuntimeError) as error:
        raise ConfigurationError(
            f"The reference structure {name!r} is neither a molecule of ASE, such as CH3CH2OH, nor "
            f"formula, lattice and constant of a crystal, such as 'NaCl rocksalt 5.69': {error}."
        ) from error
