"""Samples for the conformance tests: small ones of the bundled splits, and awkward ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from pytest_matalign.splits.sample import Input, Sample
from pytest_matalign.zoo.card import ModelCard
from pytest_matalign.zoo.domain import form

_SPLITS: dict[Input, tuple[str, ...]] = {
    "atoms": ("qm9", "mp-crystals"),
    "smiles": ("qm9",),
    "sequence": ("pdb-chains",),
    "backbone": ("pdb-chains",),
}
_LIMITS: dict[Input, int] = {"atoms": 24, "smiles": 60, "sequence": 160, "backbone": 160}
"""Atoms, characters or residues: a conformance test embeds each sample some fifteen times."""
_SPACING = 2.4
"""Å between like atoms: within every model's cutoff, and not absurdly close for any element."""
_SEARCHED = 200
"""Samples of a split looked through."""


def default_samples(
    card: ModelCard, *, accepts: Callable[[Sample], bool], count: int = 6
) -> tuple[Sample, ...]:
    """The first small samples a model accepts, of every bundled split with a form it reads.

    Args:
        card: Says which forms the model reads. A sample offers one of them: those the model
            would prefer to it are taken away, so that each of its read-outs is tested.
        accepts: Says whether a sample is inside the model's domain.
        count: Samples of each form and split.
    """
    from pytest_matalign.splits.load import load_split

    found: dict[str, Sample] = {}
    for position, wanted in enumerate(card.inputs):
        preferred: dict[str, Any] = dict.fromkeys(card.inputs[:position])
        for split in _SPLITS[wanted]:
            offered = (
                replace(one, id=f"{one.id} ({wanted})", **preferred)
                for one in load_split(split, samples=_SEARCHED).samples
                if _size(one, wanted) <= _LIMITS[wanted]
            )
            taken = islice((one for one in offered if accepts(one)), count)
            found.update((one.id, one) for one in taken)
    return tuple(found.values())


def _size(sample: Sample, wanted: Input) -> int:
    content = getattr(sample, wanted)
    return len(content) if content is not None else 1 << 30


def unsupported_samples(card: ModelCard) -> Iterator[tuple[str, Sample]]:
    """Samples the card rules out, each with what is wrong with it."""
    from ase import Atoms
    from ase.data import chemical_symbols

    everything: dict[Input, Any] = {
        "atoms": Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.74]]),
        "smiles": "CCO",
        "sequence": "ACDEFGHIK",
        "backbone": helix(9),
    }
    other = {name: value for name, value in everything.items() if name not in card.inputs}
    if other:
        yield f"offers no {' or '.join(card.inputs)}", Sample(id="other form", **other)
    if "atoms" in card.inputs:
        yield "has no atoms", Sample(id="empty", atoms=Atoms())
        covered = card.elements[0] if card.elements else "C"
        if card.periodic == "required":
            yield "is a molecule", Sample(id="molecule", atoms=Atoms(covered))
        if card.periodic == "refused":
            crystal = Atoms(covered, cell=[3.0, 3.0, 3.0], pbc=True)
            yield "is periodic", Sample(id="crystal", atoms=crystal)
        if card.elements:
            foreign = [one for one in chemical_symbols[1:] if one not in card.elements]
            for symbol in foreign[:1]:
                cell = {"cell": [3.0, 3.0, 3.0], "pbc": card.periodic == "required"}
                alien = Atoms([symbol, covered], positions=[[0, 0, 0], [0, 0, 1.5]], **cell)
                yield f"contains {symbol}", Sample(id="foreign element", atoms=alien)
    if card.max_length is not None:
        longer = card.max_length + 1
        if "smiles" in card.inputs:
            yield "is too long", Sample(id="long", smiles="C" * longer)
        if "sequence" in card.inputs:
            yield "is too long", Sample(id="long", sequence="A" * longer)


def element_samples(card: ModelCard) -> Iterator[Sample]:
    """One structure of each element on the card: a cubic crystal, or a pair where none is read."""
    from ase import Atoms

    for symbol in card.elements or ():
        if card.periodic == "refused":
            atoms = Atoms([symbol, symbol], positions=[[0, 0, 0], [0, 0, _SPACING]])
        else:
            atoms = Atoms(symbol, cell=[_SPACING] * 3, pbc=True)
        yield Sample(id=symbol, atoms=atoms)


def awkward_samples(card: ModelCard, like: Sample) -> Iterator[Sample]:
    """Samples a model may take or refuse, but must not stumble over; made like one it takes."""
    chosen = form(card, like)
    if chosen == "atoms":
        yield from _awkward_structures(like)
    elif chosen == "smiles":
        texts = ("C", "[Na+].[Cl-]", "[2H]O[2H]", "C1CC", "never a molecule", "C" * 300)
        for text in texts:
            yield Sample(id=f"the SMILES {text[:20]}", smiles=text)
    elif chosen == "sequence":
        for text in ("M", "ACDXBZUOJ", "acdefg", "AC DE", "ACDEFGHIKLMNPQRSTVWY" * 20):
            yield Sample(id=f"the sequence {text[:20]}", sequence=text)
    elif chosen == "backbone":
        gap = helix(12)
        gap[5] = np.nan
        lengths = {f"a backbone of {count}": helix(count) for count in (1, 2, 3)}
        for name, backbone in {**lengths, "a backbone with a gap": gap}.items():
            yield Sample(id=name, backbone=backbone, sequence="A" * len(backbone))


def _awkward_structures(like: Sample) -> Iterator[Sample]:
    from ase import Atoms

    assert like.atoms is not None
    symbol = like.atoms.symbols[0]
    pair = [symbol, symbol]
    structures = {
        "a lone atom": Atoms(symbol),
        "a pair 20 Å apart": Atoms(pair, positions=[[0, 0, 0], [0, 0, 20.0]]),
        "a crystal of atoms 20 Å apart": Atoms(symbol, cell=[20.0] * 3, pbc=True),
        "a crystal of one atom": Atoms(symbol, cell=[2.8] * 3, pbc=True),
        "a slab": Atoms(
            pair,
            positions=[[0, 0, 0], [1.4, 1.4, 1.9]],
            cell=[2.8, 2.8, 0.0],
            pbc=[True, True, False],
        ),
        "a chain in a left-handed cell": Atoms(
            symbol, cell=[[0, 2.8, 0], [2.8, 0, 0], [0, 0, 2.8]], pbc=True
        ),
    }
    for name, atoms in structures.items():
        yield Sample(id=name, atoms=atoms)


def helix(residues: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """An alpha helix, float32 [residues, 4, 3]: N, CA, C, O in Å.

    1.5 Å and 100 degrees a residue (Pauling, Corey and Branson 1951,
    doi:10.1073/pnas.37.4.205); radii, angles and heights of the four atoms are rounded.
    """
    radii = np.array([1.5, 2.3, 1.7, 2.0])
    turns = np.radians(100.0 * np.arange(residues)[:, None] + [-28.0, 0.0, 27.0, 32.0])
    heights = 1.5 * np.arange(residues)[:, None] + [-0.9, 0.0, 1.1, 2.2]
    points = np.stack([radii * np.cos(turns), radii * np.sin(turns), heights], axis=-1)
    return points.astype(np.float32)
