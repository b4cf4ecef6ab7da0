"""How every split is made: its card, and what is taken from the package that carries its data.

A bundled split is made again as its card says. A larger tier has a card in `build/cards` that says
only what differs from the bundled split it is `like`.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from pytest_matalign.splits.build import crystals, molecules, proteins
from pytest_matalign.splits.build.order import (
    SEED,
    Filter,
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


def _taken(
    candidates: Callable[[Path], Mapping[str, Callable[[], Sample]]],
    filters: Callable[[], Sequence[Filter]] = tuple,
) -> Stream:
    """Those of a package's candidates that pass the filters, some of which remember what passed."""
    return lambda origin, rejected: accepted(candidates(origin), rejected, *filters())


def _ccd(fewest: int) -> Stream:
    return _taken(
        molecules.ccd,
        lambda: [
            molecules.heavy_atoms_between(fewest, 40),
            molecules.one_molecule(),
            smiles_fits_atoms,
            molecules.one_per_smiles(),
        ],
    )


def _crystals_with(*labels: str) -> Stream:
    return _taken(
        crystals.materials_project,
        lambda: [crystals.labelled(*labels), no_closer_than(0.5), one_per_formula()],
    )


_QM9 = _taken(molecules.qm9, lambda: [smiles_fits_atoms])
_EQUILIBRIUM = _taken(
    crystals.materials_project,
    lambda: [
        crystals.labelled("formation_energy_eV", "e_above_hull_eV"),
        crystals.label_at_most("e_above_hull_eV", 0.1),
        at_most_atoms(25),
        at_least_two_elements(),
        no_closer_than(0.5),
        one_per_formula(),
    ],
)


def _shaken(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return molecules.shaken(_QM9(origin, rejected), no_closer_than(0.6))


def _off_equilibrium(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    parents = islice(_EQUILIBRIUM(origin, rejected), 1000, None)
    return crystals.off_equilibrium(parents, no_closer_than(0.6))


STREAMS: dict[str, Stream] = {
    "qm9": _QM9,
    "qm9-all": _QM9,
    "qm9-perturbed": _shaken,
    "ccd-ligands": _ccd(10),
    "ccd-all": _ccd(6),
    "mp-crystals": _EQUILIBRIUM,
    "mp-elastic": _crystals_with("bulk_modulus_GPa", "shear_modulus_GPa"),
    "mp-dielectric": _crystals_with("band_gap_eV", "refractive_index"),
    "mp-all": _taken(crystals.materials_project),
    "mp-perturbed": _off_equilibrium,
    "mlearn": _taken(crystals.mlearn),
    "core-mofs": _taken(
        crystals.core_mofs, lambda: [at_most_atoms(100), no_closer_than(0.5), one_per_formula()]
    ),
    "core-mofs-all": _taken(crystals.core_mofs),
    "pdb-chains": _taken(
        proteins.promod_chains, lambda: [length_between(50, 300), twenty_residues_only()]
    ),
    "pdb-chains-all": _taken(proteins.promod_chains),
    "uniprot": _taken(
        proteins.uniprot_sequences,
        lambda: [length_between(50, 400), twenty_residues_only(), no_near_duplicate()],
    ),
    "antibody-heavy": _taken(proteins.abnativ_heavy_chains, lambda: [twenty_residues_only()]),
}
"""Samples of every split in their fixed order, by its id: functions of the package and of a counter
of the reasons for leaving out."""
