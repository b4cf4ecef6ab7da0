"""Structures pushed off equilibrium by a known amount, reproducibly.

A graded series perturbs the same samples more and more. Every sample draws its direction once,
from a generator seeded by its id, and the level only scales it: what changes from one level to
the next is the amount of perturbation and nothing else.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.recipe import perturbed_card
from pytest_matalign.splits.sample import Sample
from pytest_matalign.splits.split import Split

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.recipe import Kind


def rng_for(sample_id: str, *, kind: str, seed: int = 0) -> np.random.Generator:
    """Return the generator of one sample, the same whatever else the split holds."""
    digest = hashlib.sha256(f"{seed}:{kind}:{sample_id}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def rattle(atoms: Atoms, sigma_A: float, rng: np.random.Generator) -> Atoms:  # noqa: N803  the unit is Å
    """Displace every atom by a normal deviate of standard deviation `sigma_A` Å per axis."""
    shaken: Atoms = atoms.copy()
    shaken.positions = atoms.positions + sigma_A * rng.standard_normal((len(atoms), 3))
    return shaken


def direction(sample: Sample) -> NDArray[np.float64]:
    """Return displacements (n, 3) of all atoms together of length 1, drawn for the sample.

    Uniform over directions, so that the square of a projected force is in the mean over samples
    the mean square of the force's components.
    """
    assert sample.atoms is not None
    drawn = rng_for(sample.id, kind="direction").standard_normal((len(sample.atoms), 3))
    return drawn / np.linalg.norm(drawn)


def strain(atoms: Atoms, magnitude: float, rng: np.random.Generator) -> Atoms:
    """Deform by a symmetric strain whose six components are uniform in ±`magnitude`.

    Cell vectors and positions are multiplied by 1 + ε; without a cell, positions about the
    centroid are.
    """
    components = magnitude * rng.uniform(-1.0, 1.0, size=6)
    xx, yy, zz, yz, xz, xy = components
    tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    return _deform(atoms, np.eye(3) + tensor)


def scale_volume(atoms: Atoms, ratio: float) -> Atoms:
    """Scale all lengths alike so that the volume becomes `ratio` times what it was.

    Raises:
        ConfigurationError: The ratio is not positive.
    """
    if not ratio > 0:
        raise ConfigurationError(f"A volume ratio must be positive, not {ratio}.")
    return _deform(atoms, math.cbrt(ratio) * np.eye(3))


def _deform(atoms: Atoms, gradient: NDArray[np.float64]) -> Atoms:
    deformed: Atoms = atoms.copy()
    if atoms.cell.rank == 0:
        centre = atoms.positions.mean(axis=0)
        deformed.positions = centre + (atoms.positions - centre) @ gradient
    else:
        deformed.cell = atoms.cell.array @ gradient
        deformed.positions = atoms.positions @ gradient
    return deformed


def _apply(sample: Sample, kind: Kind, level: float, seed: int) -> Sample:
    if sample.atoms is None:
        raise ConfigurationError(
            f"Sample `{sample.id}` has no atoms to perturb; choose a split that offers atoms."
        )
    rng = rng_for(sample.id, kind=kind, seed=seed)
    if kind == "rattle":
        atoms = rattle(sample.atoms, level, rng)
    elif kind == "strain":
        atoms = strain(sample.atoms, level, rng)
    else:
        atoms = scale_volume(sample.atoms, level)
    return Sample(id=f"{sample.id}@{kind}={level:g}", atoms=atoms, smiles=sample.smiles)


def perturbed(split: Split, *, kind: Kind, level: float, seed: int = 0) -> Split:
    """Perturb every sample of a split.

    Ids get the suffix `@kind=level`; SMILES stay, labels go, because they were properties of
    the unperturbed structure. Nothing is rejected, however close two atoms come.

    Args:
        split: Loaded split whose samples have atoms.
        kind: `rattle` (level: standard deviation in Å), `strain` (bound of the strain
            components) or `volume` (V/V0).
        level: How much; see `kind`.
        seed: Another seed draws other directions.

    Raises:
        ConfigurationError: A sample has no atoms, or kind or level make no sense.
    """
    card = perturbed_card(split.card, kind=kind, level=level, seed=seed)
    samples = tuple(_apply(sample, kind, level, seed) for sample in split.samples)
    return Split(card, samples)
