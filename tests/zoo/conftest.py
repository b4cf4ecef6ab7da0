"""A few real molecules, crystals and proteins for the tests of the zoo."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ase.build import bulk, molecule

from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo.domain import refusal
from small_hub import running

if find_spec("torch"):
    import torch
else:  # the environment of a model that needs none
    torch = None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_matalign.zoo.card import ModelCard

SMILES = {
    "CH3CH2OH": "CCO",
    "C6H6": "c1ccccc1",
    "CH3COOH": "CC(=O)O",
    "CH3NO2": "C[N+](=O)[O-]",
    "C4H4O": "c1ccoc1",
}
SEQUENCES = {
    "ubiquitin": "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG",
    "heavy-chain": (
        "EVQLVQSGPEVKKPGTSVKVSCKASGFTFMSSAVQWVRQARGQRLEWIGWIVIGSGNTNYAQKFQERVTITRDMSTSTAYMELSSLRS"
        "EDTAVYYCAAPYCSSISCNDGFDIWGQGTMVTVS"
    ),
    "melittin": "GIGAVLKVLTTGLPALISWIKRKRQQ",
}


def molecules() -> list[Sample]:
    """Molecules with coordinates and SMILES."""
    return [Sample(id=name, atoms=molecule(name), smiles=text) for name, text in SMILES.items()]


def crystals() -> list[Sample]:
    """Crystals of a metal, a salt, a semiconductor and an oxide."""
    built = {
        "Cu": bulk("Cu"),
        "NaCl": bulk("NaCl", "rocksalt", a=5.64),
        "Si": bulk("Si"),
        "MgO": bulk("MgO", "rocksalt", a=4.21),
        "Fe": bulk("Fe", cubic=True),
    }
    return [Sample(id=name, atoms=atoms) for name, atoms in built.items()]


def proteins() -> list[Sample]:
    """Protein sequences on made-up but regular backbones: helices of unlike pitch."""
    return [
        Sample(id=name, sequence=text, backbone=helix(len(text), rise=1.5 + 0.4 * index))
        for index, (name, text) in enumerate(SEQUENCES.items())
    ]


def helix(residues: int, *, rise: float) -> np.ndarray:
    """Backbone float32 [residues, 4, 3] wound with `rise` Å and 100 degrees a residue."""
    radii = np.array([1.5, 2.3, 1.7, 2.0])
    turns = np.radians(100.0 * np.arange(residues)[:, None] + [-28.0, 0.0, 27.0, 32.0])
    heights = rise * np.arange(residues)[:, None] + [-0.9, 0.0, 1.1, 2.2]
    points = np.stack([radii * np.cos(turns), radii * np.sin(turns), heights], axis=-1)
    return points.astype(np.float32)


def covered(card: ModelCard) -> list[Sample]:
    """The samples above that a card covers."""
    everything = [*molecules(), *crystals(), *proteins()]
    forms = ("sequence", "backbone") if "sequence" in card.inputs else card.inputs
    if "atoms" in card.inputs:
        forms = ("atoms",)
    wanted = [one for one in everything if any(getattr(one, name) is not None for name in forms)]
    return [one for one in wanted if refusal(card, one) is None]


@pytest.fixture(name="covered")
def _covered() -> Callable[[ModelCard], list[Sample]]:
    return covered


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """The caller of an adapter sets the threads; with several, small graphs run slower."""
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Address of a small hub on this machine."""
    with running() as found:
        yield found
