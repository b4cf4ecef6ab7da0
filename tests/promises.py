"""What every adapter of an interatomic potential must keep, checked on a loaded model."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from ase.build import bulk, molecule

from pytest_matalign.environments.folders import Beside, read_built
from pytest_matalign.environments.process import end_workers
from pytest_matalign.environments.remote import RemoteModel
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo.adapter import load_here
from pytest_matalign.zoo.catalogue import card

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms

    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.model import Model

TOLERANCE = 2e-5
"""Allowed change, relative to the largest norm, where float32 sums in another order."""


TESTED = os.environ.get("MATALIGN_TEST_ENVIRONMENT")
"""The environment that `matalign env test` runs these tests in."""


def need(*packages: str, environment: str | None) -> None:
    """Skip the module where a package is not installed, and say where its tests run.

    In that very environment it is an error.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            sentence = f"{package} is not installed; runs in the environment {environment!r}"
            if environment == TESTED:
                raise ModuleNotFoundError(sentence)
            pytest.skip(sentence, allow_module_level=True)


@lru_cache(maxsize=1)
def load(model_id: str) -> Any:
    """A model of the zoo, or a skip that names the environment that has its packages."""
    found = card(model_id)
    need(*found.requires, environment=found.environment)
    return load_here(found)


def molecules() -> list[Sample]:
    """Molecules of H, C, N and O."""
    names = ("H2O", "CH3CH2OH", "CH3NO2", "C4H4O")
    return [Sample(id=name, atoms=molecule(name)) for name in names]


def crystals() -> list[Sample]:
    """A salt and an oxide."""
    return [
        Sample(id="NaCl", atoms=bulk("NaCl", "rocksalt", a=5.64)),
        Sample(id="MgO", atoms=bulk("MgO", "rocksalt", a=4.21)),
    ]


def check_promises(model: Model, samples: Sequence[Sample], *, width: int) -> np.ndarray:
    """Shape, dtype, finiteness, distinctness, determinism and independence of the batch."""
    assert [model.refuse(one) for one in samples] == [None] * len(samples)
    vectors = model.embed(samples)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(samples), width)
    assert np.isfinite(vectors).all()
    scale = np.linalg.norm(vectors, axis=1).max()
    for index, row in enumerate(vectors):
        others = np.delete(vectors, index, axis=0)
        assert np.linalg.norm(others - row, axis=1).min() > 1e-4 * scale
    np.testing.assert_array_equal(model.embed(samples), vectors)
    turned = model.embed(list(reversed(samples)))[::-1]
    assert np.abs(turned - vectors).max() <= TOLERANCE * scale
    alone = np.concatenate([model.embed([one]) for one in samples])
    assert np.abs(alone - vectors).max() <= TOLERANCE * scale
    return vectors


def moved(sample: Sample, *, turn: bool = True) -> Sample:
    """The same structure turned and shifted, its atoms in another order."""
    atoms: Atoms = sample.atoms.copy()
    if turn:
        atoms.rotate(40, "x", rotate_cell=True)
        atoms.rotate(70, "z", rotate_cell=True)
    atoms.translate([1.0, 2.0, 3.0])
    order = np.random.default_rng(0).permutation(len(atoms))
    return replace(sample, atoms=atoms[order])


def supercell(sample: Sample) -> Sample:
    """Eight cells of a crystal."""
    return replace(sample, atoms=sample.atoms.repeat((2, 2, 2)))


def change(model: Model, samples: Sequence[Sample], others: Sequence[Sample]) -> float:
    """Largest change of an embedding, relative to the largest norm."""
    before, after = model.embed(samples), model.embed(others)
    return float(np.abs(after - before).max() / np.linalg.norm(before, axis=1).max())


def check_worker(card: ModelCard, model: Model, samples: Sequence[Sample]) -> None:
    """A worker of the environment that these tests run in gives the same rows."""
    place = read_built(Path(sys.prefix)) or Beside()
    try:
        rows = RemoteModel(card, place, allow_pickle=True).embed(samples)
    finally:
        end_workers()
    np.testing.assert_array_equal(rows, model.embed(samples))


def from_hub(
    card: ModelCard, files: Mapping[str, Path], cache: Path, patch: pytest.MonkeyPatch
) -> ModelCard:
    """A card at a made-up commit of its repository, whose files lie in a cache of the hub.

    Args:
        card: Names a repository.
        files: Where each file of the repository is to be copied from.
        cache: Empty folder.
        patch: Makes it the cache, and forbids the network.
    """
    commit = "c0ffee" * 6 + "c0de"
    assert card.weights is not None
    assert card.weights.repo is not None
    folder = cache / f"models--{card.weights.repo.replace('/', '--')}"
    for name, source in files.items():
        target = folder / "snapshots" / commit / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    patch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    weights = msgspec.structs.replace(card.weights, revision=commit)
    return msgspec.structs.replace(card, weights=weights)
