"""The fixed seeded order of a split, and the filters applied along it."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from pytest_matalign.splits.sample import Sample

if TYPE_CHECKING:
    from ase import Atoms

Filter = Callable[[Sample], None]
"""Raises `RejectedError` for a sample that is to be left out."""
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
    *filters: Filter,
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


def first_accepted(draw: Callable[[], Sample], check: Filter, attempts: int = 50) -> Sample | None:
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


def rejecting(reason: str, wrong: Callable[[Sample], bool]) -> Filter:
    """Reject, for one reason, the samples that a function says are wrong."""

    def check(sample: Sample) -> None:
        if wrong(sample):
            raise RejectedError(reason)

    return check


def one_per(what: str, key: Callable[[Sample], str]) -> Filter:
    """Reject a sample whose key has come before."""
    seen: set[str] = set()

    def again(sample: Sample) -> bool:
        before = len(seen)
        seen.add(key(sample))
        return len(seen) == before

    return rejecting(f"{what} already there", again)


def no_closer_than(fraction: float) -> Filter:
    """Reject structures with two atoms closer than a fraction of their covalent radii's sum."""

    def close(sample: Sample) -> bool:
        from ase.data import covalent_radii
        from ase.neighborlist import neighbor_list

        atoms = structure(sample)
        reach = fraction * covalent_radii[atoms.numbers]
        return len(neighbor_list("i", atoms, cutoff=reach)) > 0

    return rejecting(f"two atoms closer than {fraction:g} of their covalent radii's sum", close)


def at_most_atoms(limit: int) -> Filter:
    """Reject structures of more than `limit` atoms."""
    return rejecting(f"more than {limit} atoms", lambda sample: len(structure(sample)) > limit)


def one_per_formula() -> Filter:
    """Reject a structure whose reduced formula has come before."""
    return one_per(
        "formula", lambda sample: structure(sample).symbols.formula.reduce()[0].format("hill")
    )


def at_least_two_elements() -> Filter:
    """Reject elemental structures."""
    return rejecting("a single element", lambda sample: len(set(structure(sample).numbers)) < 2)


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


def length_between(shortest: int, longest: int) -> Filter:
    """Reject sequences outside a range of lengths, ends included; nothing is cut."""
    return rejecting(
        f"not {shortest} to {longest} residues",
        lambda sample: not shortest <= len(sample.sequence or "") <= longest,
    )


def twenty_residues_only() -> Filter:
    """Reject sequences with ambiguous or rare residues."""
    return rejecting(
        "a residue beyond the twenty",
        lambda sample: not set(sample.sequence or "") <= set("ACDEFGHIKLMNPQRSTVWY"),
    )


def no_near_duplicate(containment: float = 0.25, k: int = 5) -> Filter:
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
        if any(n > containment * min(len(words), sizes[other]) for other, n in shared.items()):
            raise RejectedError(f"shares more than {containment:.0%} of its {k}-mers")
        sizes.append(len(words))
        for word in words:
            index.setdefault(word, []).append(len(sizes) - 1)

    return check
