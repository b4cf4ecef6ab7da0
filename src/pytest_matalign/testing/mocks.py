"""Models made up for tests: real implementations of the protocol over real geometry.

This module is itself an adapter, so that a mock model can stand wherever a card can: in a suite,
in the store, in an isolated environment.

All mock models look at the same facts of a sample, which no rotation, order of atoms or choice of
cell changes. The good ones pass them through different smooth random maps, and so agree with each
other about which samples are alike, as good models do. The different one passes them through a map
so rough that neighbours mean nothing to it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.sample import Input, Sample
from pytest_matalign.zoo.card import ModelCard

if TYPE_CHECKING:
    from ase import Atoms

ADAPTER_VERSION = 1
Behaviour = Literal["good", "different", "slow", "failing", "nan"]

CUTOFF = 5.0
"""Å."""
_CENTRES = np.linspace(0.8, CUTOFF, 15)
_ROUGHNESS = 1e4
_SLOW_SECONDS = 0.05
_EVERY = 5
"""Of so many samples a failing or NaN-producing model spoils one."""
INPUTS: tuple[Input, ...] = ("atoms", "smiles", "sequence", "backbone")


def mock_card(
    behaviour: Behaviour,
    *,
    seed: int = 0,
    width: int = 64,
    inputs: tuple[Input, ...] = INPUTS,
    model_id: str | None = None,
) -> ModelCard:
    """A card whose model behaves so; it is loaded like any other.

    Args:
        behaviour: `good`, `different`, `slow`, `failing` (raises) or `nan`.
        seed: Two good models of different seeds agree, yet are not the same.
        width: Numbers in an embedding.
        inputs: Forms the model reads, best first.
        model_id: Its id; by default `mock-<behaviour>-<seed>`.
    """
    return ModelCard(
        id=model_id or f"mock-{behaviour}-{seed}",
        name=f"Mock model, {behaviour}",
        family="mock",
        modality="descriptor",
        inputs=inputs,
        role="control",
        control="descriptor",
        adapter="pytest_matalign.testing.mocks",
        options={"behaviour": behaviour, "seed": seed, "width": width},
        width=width,
        layer="a random map of facts of the sample",
        pooling="mean over atoms or residues",
        kind="invariant",
        state="verified",
        notes="Made up for tests.",
    )


def mock_model(behaviour: Behaviour, *, seed: int = 0, width: int = 64) -> MockModel:
    """The model of `mock_card`, in memory."""
    return load(mock_card(behaviour, seed=seed, width=width))


def load(card: ModelCard) -> MockModel:
    """Build the mock model a card of `mock_card` describes.

    Raises:
        ConfigurationError: If its option `behaviour` is none of the five.
    """
    behaviour = card.options.get("behaviour")
    for known in get_args(Behaviour):
        if behaviour == known:
            return MockModel(
                behaviour=known,
                seed=int(card.options.get("seed", 0)),
                width=int(card.options.get("width", 64)),
                inputs=card.inputs,
            )
    raise ConfigurationError(
        f"{card.id}: the option `behaviour` is one of {', '.join(get_args(Behaviour))}, "
        f"not {behaviour!r}."
    )


@dataclass(frozen=True, kw_only=True)
class MockModel:
    """A mock model ready to embed.

    Attributes:
        behaviour: What it does; see `mock_card`.
        seed: Of its random map.
        width: Numbers in an embedding.
        inputs: Forms it reads, best first.
        batch_size: Samples given at once.
    """

    behaviour: Behaviour
    seed: int
    width: int
    inputs: tuple[Input, ...] = INPUTS
    batch_size: int = 8

    def refuse(self, sample: Sample) -> str | None:
        """Refuse a sample of which nothing can be told."""
        from pytest_matalign.zoo.structures import molecule_of

        if self._form(sample) == "smiles":
            assert sample.smiles is not None
            if molecule_of(sample.smiles) is None:
                return "has a SMILES that RDKit cannot read"
        if self._form(sample) == "backbone":
            assert sample.backbone is not None
            if not np.isfinite(sample.backbone).all():
                return "has residues without coordinates"
        return None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), width].

        Raises:
            RuntimeError: From a failing model, for one sample in five.
        """
        if self.behaviour == "slow":
            time.sleep(_SLOW_SECONDS * len(samples))
        rows = np.stack([self._embed_one(sample) for sample in samples])
        return rows.astype(np.float32)

    def _embed_one(self, sample: Sample) -> NDArray[np.float64]:
        known = facts(sample, self._form(sample))
        rng = np.random.default_rng(self.seed)
        first = rng.normal(size=(len(known), self.width)) * 3.0
        second = rng.normal(size=(self.width, self.width)) / np.sqrt(self.width)
        if self.behaviour == "different":
            return np.cos(known @ first * _ROUGHNESS)
        if self.behaviour in ("failing", "nan") and _spoilt(known):
            if self.behaviour == "failing":
                raise RuntimeError(f"mock failure on {sample.id}")
            return np.full(self.width, np.nan)
        row: NDArray[np.float64] = np.tanh(known @ first) @ second
        return row

    def _form(self, sample: Sample) -> Input:
        found = next((name for name in self.inputs if getattr(sample, name) is not None), None)
        if found is None:
            raise ConfigurationError(f"{sample.id} offers no {' or '.join(self.inputs)}.")
        return found


def facts(sample: Sample, wanted: Input) -> NDArray[np.float64]:
    """What the mock models know of a sample.

    Returns:
        float64 [154]: fractions of elements and residues (139, as the control `composition`),
        and a distribution (15): of distances between neighbours, of kinds of bonds and rings, of
        steps along the chain, or of distances between alpha carbons.
    """
    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.adapters.composition import fractions

    shape = _SHAPES[wanted](sample)
    if wanted == "backbone":
        return np.concatenate([np.zeros(139), shape])
    only: dict[str, Any] = {wanted: getattr(sample, wanted)}
    return np.concatenate([fractions(Sample(id=sample.id, **only)), shape])


def _structure_shape(sample: Sample) -> NDArray[np.float64]:
    assert sample.atoms is not None
    return _radial(sample.atoms)


def _radial(atoms: Atoms) -> NDArray[np.float64]:
    """Smooth counts of neighbours by distance, the mean over atoms."""
    from ase.neighborlist import neighbor_list

    distances = neighbor_list("d", atoms, CUTOFF)
    fading = 0.5 * (np.cos(np.pi * distances / CUTOFF) + 1.0)
    bumps = np.exp(-4.0 * (distances[:, None] - _CENTRES) ** 2) * fading[:, None]
    shape: NDArray[np.float64] = np.log1p(bumps.sum(0) / len(atoms)) / 4.0
    return shape


def _bond_shape(sample: Sample) -> NDArray[np.float64]:
    """Fractions of bonds by order, of atoms by degree and ring, an atom."""
    from pytest_matalign.zoo.structures import molecule_of

    assert sample.smiles is not None
    molecule = molecule_of(sample.smiles)
    assert molecule is not None
    counts = np.zeros(len(_CENTRES))
    for bond in molecule.GetBonds():
        counts[min(int(2 * bond.GetBondTypeAsDouble()), 6)] += 1.0
    for atom in molecule.GetAtoms():
        counts[7 + min(atom.GetDegree(), 4)] += 1.0
        counts[12] += atom.IsInRing()
        counts[13] += abs(atom.GetFormalCharge())
        counts[14] += atom.GetTotalNumHs()
    return counts / max(molecule.GetNumAtoms(), 1)


def _chain_shape(sample: Sample) -> NDArray[np.float64]:
    """Fractions of residues followed by a like one, at separations 1 to 15."""
    assert sample.sequence is not None
    text = np.frombuffer(sample.sequence.encode("utf-8"), dtype=np.uint8)
    same = [
        float((text[step:] == text[:-step]).mean()) if len(text) > step else 0.0
        for step in range(1, len(_CENTRES) + 1)
    ]
    return np.array(same)


def _backbone_shape(sample: Sample) -> NDArray[np.float64]:
    """Fractions of pairs of alpha carbons by distance."""
    assert sample.backbone is not None
    carbons = sample.backbone[:, 1].astype(np.float64)
    above = np.triu_indices(len(carbons), k=1)
    distances = np.linalg.norm(carbons[:, None] - carbons[None], axis=-1)[above]
    if not distances.size:
        return np.zeros(len(_CENTRES))
    centres = np.linspace(4.0, 60.0, len(_CENTRES))
    shape: NDArray[np.float64] = np.exp(-(((distances[:, None] - centres) / 4.0) ** 2)).mean(0)
    return shape


def _spoilt(known: NDArray[np.float64]) -> bool:
    """Whether a failing model fails here: always the same samples, about one in five."""
    return int(np.rint(np.abs(known).sum() * 1e3)) % _EVERY == 0


_SHAPES = {
    "atoms": _structure_shape,
    "smiles": _bond_shape,
    "sequence": _chain_shape,
    "backbone": _backbone_shape,
}
