"""How every split is made: its card, and what is taken from the package that carries its data.

A bundled split is made again as its card says. A larger tier has a card in `build/cards` that says
only what differs from the bundled split it is `like`.
"""

from __future__ import annotations

import tomllib
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.splits.build import crystals, molecules, proteins
from pytest_matalign.splits.build.order import (
    SEED,
    accepted,
    at_least_two_elements,
    at_most_atoms,
    length_between,
    no_closer_than,
    no_near_duplicate,
    one_per_formula,
    smiles_fits_atoms,
    twenty_residues_only,
)
from pytest_matalign.splits.card import SplitCard
from pytest_matalign.splits.catalogue import split_cards

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from pytest_matalign.splits.sample import Sample

    Stream = Callable[[Path, Counter[str]], Iterator[Sample]]

TIERS = Path(__file__).parent / "cards"


def card_to_fill(name: str) -> SplitCard:
    """Return the card of a split to be built: `count` samples of it, all where None.

    File and digests are those of the bundled split, if any, and for the builder to fill in.
    """
    if name in split_cards():
        return split_cards()[name]
    fields = tomllib.loads((TIERS / f"{name}.toml").read_text("utf-8"))
    if like := fields.pop("like", None):
        fields = msgspec.to_builtins(split_cards()[like]) | fields
    own = {"id": name, "seed": SEED, "file": "", "count": None, "sha256": None, "fingerprint": None}
    return msgspec.convert(fields | own, SplitCard)


def _qm9(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(molecules.qm9(origin), rejected, smiles_fits_atoms)


def _qm9_perturbed(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return molecules.shaken(_qm9(origin, rejected), no_closer_than(0.6))


def _ccd(fewest: int) -> Stream:
    def stream(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
        return accepted(
            molecules.ccd(origin),
            rejected,
            molecules.heavy_atoms_between(fewest, 40),
            molecules.one_molecule,
            smiles_fits_atoms,
            molecules.one_per_smiles(),
        )

    return stream


def _equilibrium(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(
        crystals.materials_project(origin),
        rejected,
        crystals.labelled("formation_energy_eV", "e_above_hull_eV"),
        crystals.label_at_most("e_above_hull_eV", 0.1),
        at_most_atoms(25),
        at_least_two_elements,
        no_closer_than(0.5),
        one_per_formula(),
    )


def _perturbed(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    parents = islice(_equilibrium(origin, rejected), 1000, None)
    return crystals.off_equilibrium(parents, no_closer_than(0.6))


def _all_crystals(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(crystals.materials_project(origin), rejected)


def _mofs(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(
        crystals.core_mofs(origin),
        rejected,
        at_most_atoms(100),
        no_closer_than(0.5),
        one_per_formula(),
    )


def _all_mofs(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(crystals.core_mofs(origin), rejected)


def _chains(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(
        proteins.promod_chains(origin), rejected, length_between(50, 300), twenty_residues_only
    )


def _all_chains(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(proteins.promod_chains(origin), rejected)


def _uniprot(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(
        proteins.uniprot_sequences(origin),
        rejected,
        length_between(50, 400),
        twenty_residues_only,
        no_near_duplicate(),
    )


def _antibodies(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(
        proteins.abnativ_heavy_chains(origin),
        rejected,
        twenty_residues_only,
    )


def _crystals_with(*labels: str) -> Stream:
    def stream(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
        return accepted(
            crystals.materials_project(origin),
            rejected,
            crystals.labelled(*labels),
            no_closer_than(0.5),
            one_per_formula(),
        )

    return stream


STREAMS: dict[str, Stream] = {
    "qm9": _qm9,
    "qm9-all": _qm9,
    "qm9-perturbed": _qm9_perturbed,
    "ccd-ligands": _ccd(10),
    "ccd-all": _ccd(6),
    "mp-crystals": _equilibrium,
    "mp-elastic": _crystals_with("bulk_modulus_GPa", "shear_modulus_GPa"),
    "mp-dielectric": _crystals_with("band_gap_eV", "refractive_index"),
    "mp-all": _all_crystals,
    "mp-perturbed": _perturbed,
    "core-mofs": _mofs,
    "core-mofs-all": _all_mofs,
    "pdb-chains": _chains,
    "pdb-chains-all": _all_chains,
    "uniprot": _uniprot,
    "antibody-heavy": _antibodies,
}
"""Samples of every split in their fixed order, by its id: functions of the package and of a counter
of the reasons for leaving out."""
