"""Every card of the zoo, loaded with its real weights, keeps what an adapter promises."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from ase.build import bulk

from pytest_matalign import load_split
from pytest_matalign.environments import loading
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.domain import refusal
from pytest_matalign.zoo.model import LayerModel
from real_weights import lay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ase import Atoms

    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.model import Model

pytestmark = pytest.mark.slow

TOLERANCE = 2e-5
"""Allowed change, relative to the norm of an embedding, where float32 sums in another order."""
SHUFFLED = 5.0
"""How much more a network may change whose weights nobody trained: nothing kept its layers from
amplifying what rounding a structure's coordinates does (DIEP's by 2.8e-5 on one machine of two)."""


class Case(NamedTuple):
    """A loaded model, samples it covers, and their embeddings."""

    card: ModelCard
    model: Model
    samples: list[Sample]
    vectors: np.ndarray


VERIFIED = [
    one
    for one in catalogue.cards().values()
    # NEP's know too few of the elements below; they have tests of their own.
    if one.state == "verified" and one.family != "nep"
]


def _of(chosen: Callable[[ModelCard], bool]) -> pytest.MarkDecorator:
    """Verified models to load, one in memory at a time."""
    params = [
        pytest.param(one.id, marks=[pytest.mark.zoo] if one.extra else [])
        for one in VERIFIED
        if chosen(one)
    ]
    return pytest.mark.parametrize("model_id", params, indirect=True, scope="module")


every = _of(lambda _one: True)


@pytest.fixture(scope="module")
def model_id(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ModelCard, Model]]:
    """The card of a model and the model, in its environment where that is built."""
    card = catalogue.card(request.param)
    if reason := loading.unavailable(card):
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATALIGN_CACHE", str(tmp_path_factory.mktemp("weights")))
        lay(card.id)
        yield card, loading.load(card, allow_pickle=True)


@pytest.fixture
def case(model_id: tuple[ModelCard, Model], covered: Callable[[ModelCard], list[Sample]]) -> Case:
    """The model with the samples it accepts."""
    card, model = model_id
    samples = [sample for sample in covered(card) if model.refuse(sample) is None]
    return Case(card, model, samples, model.embed(samples))


def assert_close(found: np.ndarray, expected: np.ndarray, *, amplified: float = 1.0) -> None:
    """Equal up to the order of float32 sums."""
    scale = np.linalg.norm(expected, axis=-1).max()
    assert np.abs(found - expected).max() <= TOLERANCE * amplified * scale


@every
def test_embeddings_are_finite_float32_of_the_cards_width(case: Case) -> None:
    """One row a sample, in order."""
    assert len(case.samples) >= 3
    assert case.vectors.dtype == np.float32
    assert case.vectors.shape == (len(case.samples), case.card.width)
    assert np.isfinite(case.vectors).all()


@every
def test_embeddings_tell_samples_apart(case: Case) -> None:
    """No two of these samples have the same vector, controls included."""
    scale = np.linalg.norm(case.vectors, axis=1).max()
    for index, row in enumerate(case.vectors):
        others = np.delete(case.vectors, index, axis=0)
        assert np.linalg.norm(others - row, axis=1).min() > 1e-4 * scale


@every
def test_embedding_again_gives_the_same_bits(case: Case) -> None:
    """Nothing random is left switched on."""
    np.testing.assert_array_equal(case.model.embed(case.samples), case.vectors)


@every
def test_embeddings_do_not_depend_on_the_batch(case: Case) -> None:
    """One by one, in reverse order, gives the same vectors."""
    single = np.concatenate([case.model.embed([sample]) for sample in reversed(case.samples)])
    assert_close(single[::-1], case.vectors)


@_of(lambda one: one.inputs[0] == "atoms" and one.kind == "invariant")
def test_structures_may_be_moved_turned_and_reordered(case: Case) -> None:
    """Invariant models and descriptors see the same structure."""
    moved = [replace(sample, atoms=_moved(sample.atoms)) for sample in case.samples]
    amplified = SHUFFLED if case.card.control == "untrained" else 1.0
    assert_close(case.model.embed(moved), case.vectors, amplified=amplified)


@_of(lambda one: one.modality == "3d")
def test_layers_end_with_the_one_that_is_pooled(case: Case) -> None:
    """Of those that offer layers; each layer has the atoms of each structure."""
    if not isinstance(case.model, LayerModel):
        pytest.skip("this adapter offers one layer only, or runs in another process")
    layers = case.model.embed_layers(case.samples)
    assert len(layers) > 1
    for rows in layers.values():
        assert [len(one) for one in rows] == [len(sample.atoms) for sample in case.samples]
    *_, last = layers.values()
    assert_close(np.stack([one.mean(0, dtype=np.float64) for one in last]), case.vectors)


def _moved(atoms: Atoms) -> Atoms:
    copy = atoms.copy()
    copy.rotate(40, "x", rotate_cell=True)
    copy.rotate(70, "z", rotate_cell=True)
    copy.translate([1.0, 2.0, 3.0])
    return copy[np.random.default_rng(0).permutation(len(copy))]


def _reads_crystals(card: ModelCard) -> bool:
    """And is not meant to see their size."""
    salt = Sample(id="NaCl", atoms=bulk("NaCl", "rocksalt", a=5.64))
    silicon = Sample(id="Si", atoms=bulk("Si"))
    seen = card.inputs[0] == "atoms" and card.control not in ("size", "random")
    return seen and any(refusal(card, one) is None for one in (salt, silicon))


@_of(_reads_crystals)
def test_a_supercell_is_the_same_crystal(case: Case) -> None:
    """A mean over atoms does not know which cell was chosen."""
    crystals = [
        index for index, one in enumerate(case.samples) if one.atoms and one.atoms.pbc.all()
    ]
    assert crystals
    repeated = [
        Sample(id=case.samples[index].id, atoms=case.samples[index].atoms * (2, 2, 2))
        for index in crystals
    ]
    assert_close(case.model.embed(repeated), case.vectors[crystals])


@_of(lambda one: one.inputs == ("backbone",) and one.kind == "invariant")
def test_backbones_may_be_moved_and_turned(case: Case) -> None:
    """Natural chains: in a regular helix neighbours tie, and a rotation breaks the ties."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    chains = load_split("pdb-chains", samples=4).samples
    moved = [
        replace(one, backbone=(one.backbone @ turn + [3.0, -2.0, 5.0]).astype(np.float32))
        for one in chains
    ]
    assert_close(case.model.embed(moved), case.model.embed(chains))
