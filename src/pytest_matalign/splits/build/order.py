"""The fixed seeded order of a split, and the filters applied along it."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping

    from ase import Atoms

    from pytest_matalign.splits.sample import Sample

SEED = 20261122


class RejectedError(Exception):
    """A candidate is no sample; the message is the reason, counted and reported."""


def fixed_order(ids: list[str], seed: int = SEED) -> list[str]:
    """Sort ids by the SHA-256 of `<seed>:<id>`.

    The order of two samples depends on nothing but their ids: a larger tier, or one with fewer
    filters, keeps it.
    """
    return sorted(ids, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())


def accepted(
    candidates: Mapping[str, Callable[[], Sample]],
    rejected: Counter[str],
    *filters: Callable[[Sample], None],
) -> Iterator[Sample]:
    """Yield the candidates that pass every filter, in the fixed order; count the reasons."""
    for name in fixed_order(list(candidates)):
        try:
            sample = candidates[name]()
            for check in filters:
                check(sample)
        except RejectedError as reason:
            rejected[str(reason)] += 1
        else:
            yield sample


def first_accepted(
    draw: Callable[[], Sample], check: Callable[[Sample], None], attempts: int = 50
) -> Sample | None:
    """Draw until `check` does not reject; return None where every draw was rejected."""
    for _ in range(attempts):
        sample = draw()
        try:
            check(sample)
        except RejectedError:
            continue
        return sample
    return None


def structure(sample: Sample) -> Atoms:
    """Return the atoms of a sample that must have some."""
    if sample.atoms is None:
        raise TypeError(f"sample {sample.id} has no atoms")
    return sample.atoms


def no_closer_than(fraction: float) -> Callable[[Sample], None]:
    """Reject structures with two atoms closer than a fraction of their covalent radii's sum."""

    def check(sample: Sample) -> None:
        from ase.data import covalent_radii
        from ase.neighborlist import neighbor_list

        atoms = structure(sample)
        reach = fraction * covalent_radii[atoms.numbers]
        if len(neighbor_list("i", atoms, cutoff=reach)):
            raise RejectedError(f"two atoms closer than {fraction:g} of their covalent radii's sum")

    return check


def at_most_atoms(limit: int) -> Callable[[Sample], None]:
    """Reject structures of more than `limit` atoms."""

    def check(sample: Sample) -> None:
        if len(structure(sample)) > limit:
            raise RejectedError(f"more than {limit} atoms")

    return check


def one_per_formula() -> Callable[[Sample], None]:
    """Reject a structure whose reduced formula has come before."""
    seen: set[str] = set()

    def check(sample: Sample) -> None:
        formula = structure(sample).symbols.formula.reduce()[0].format("hill")
        if formula in seen:
            raise RejectedError("formula already there")
        seen.add(formula)

    return check


def at_least_two_elements(sample: Sample) -> None:
    """Reject elemental structures."""
    if len(set(structure(sample).numbers)) < 2:
        raise RejectedError("a single element")


def smiles_fits_atoms(sample: Sample) -> None:
    """Reject a molecule whose SMILES RDKit cannot parse or whose composition differs."""
    from rdkit import Chem, rdBase
    from rdkit.Chem.rdMolDescriptors import CalcMolFormula

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(sample.smiles or "")
    if molecule is None or molecule.GetNumAtoms() == 0:
        raise RejectedError("RDKit cannot parse the SMILES")
    formula = re.sub(r"[+-]\d*$", "", CalcMolFormula(molecule))  # without the charge
    if formula != structure(sample).symbols.formula.format("hill"):
        raise RejectedError("the SMILES and the 3D structure differ in composition")


def length_between(shortest: int, longest: int) -> Callable[[Sample], None]:
    """Reject sequences outside a range of lengths, ends included; nothing is cut."""

    def check(sample: Sample) -> None:
        if not shortest <= len(sample.sequence or "") <= longest:
            raise RejectedError(f"not {shortest} to {longest} residues")

    return check


def twenty_residues_only(sample: Sample) -> None:
    """Reject sequences with ambiguous or rare residues."""
    if set(sample.sequence or "") - set("ACDEFGHIKLMNPQRSTVWY"):
        raise RejectedError("a residue beyond the twenty")


def no_near_duplicate(containment: float = 0.25, k: int = 5) -> Callable[[Sample], None]:
    """Reject a sequence sharing too many of its k-mers with one accepted before.

    The measure is |A ∩ B| / min(|A|, |B|) over sets of k-mers.
    """
    sizes: list[int] = []
    index: dict[str, list[int]] = {}

    def check(sample: Sample) -> None:
        sequence = sample.sequence or ""
        words = {sequence[i : i + k] for i in range(len(sequence) - k + 1)}
        shared: dict[int, int] = {}
        for word in words:
            for other in index.get(word, ()):
                shared[other] = shared.get(other, 0) + 1
        limit = containment
        if any(n > limit * min(len(words), sizes[other]) for other, n in shared.items()):
            raise RejectedError(f"shares more than {containment:.0%} of its {k}-mers")
        sizes.append(len(words))
        for word in words:
            index.setdefault(word, []).append(len(sizes) - 1)

    return check
