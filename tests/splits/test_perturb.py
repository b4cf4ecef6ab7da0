"""Perturbations are exact, reproducible and graded."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from pytest_matalign import load_split
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.perturb import (
    perturbed,
    rattle,
    rng_for,
    scale_volume,
    strain,
)


@pytest.fixture
def crystal() -> Atoms:
    return Atoms("NaCl" * 200, positions=np.arange(1200).reshape(-1, 3) % 7.0, cell=[9] * 3, pbc=1)


def test_rattling_has_the_standard_deviation_asked_for(crystal: Atoms) -> None:
    """An axis, in Å, with mean zero; the cell stays."""
    moved = rattle(crystal, 0.2, np.random.default_rng(0))
    shift = moved.positions - crystal.positions
    assert shift.std() == pytest.approx(0.2, rel=0.1)
    assert abs(shift.mean()) < 0.02
    np.testing.assert_array_equal(moved.cell.array, crystal.cell.array)


def test_the_original_is_left_alone(crystal: Atoms) -> None:
    """Perturbing copies."""
    before = crystal.positions.copy()
    rattle(crystal, 0.2, np.random.default_rng(0))
    strain(crystal, 0.2, np.random.default_rng(0))
    scale_volume(crystal, 0.5)
    np.testing.assert_array_equal(crystal.positions, before)


def test_strain_is_symmetric_bounded_and_keeps_fractional_positions(crystal: Atoms) -> None:
    """Cell times (1 + ε) with ε symmetric and every component within the bound."""
    strained = strain(crystal, 0.05, np.random.default_rng(1))
    tensor = np.linalg.solve(crystal.cell.array, strained.cell.array) - np.eye(3)
    np.testing.assert_allclose(tensor, tensor.T, atol=1e-12)
    assert 0 < np.abs(tensor).max() <= 0.05
    np.testing.assert_allclose(
        strained.get_scaled_positions(wrap=False),
        crystal.get_scaled_positions(wrap=False),
        atol=1e-12,
    )


def test_volume_scales_by_the_ratio(crystal: Atoms) -> None:
    """V/V0, isotropic."""
    assert scale_volume(crystal, 0.7).cell.volume == pytest.approx(0.7 * crystal.cell.volume)


def test_a_molecule_is_scaled_about_its_centroid() -> None:
    """No cell: distances shrink by the cube root and the centroid stays."""
    molecule = Atoms("CO", positions=[[1, 1, 1], [1, 1, 3]])
    shrunk = scale_volume(molecule, 0.125)
    assert shrunk.get_distance(0, 1) == pytest.approx(1.0)
    np.testing.assert_allclose(shrunk.positions.mean(axis=0), [1, 1, 2])


def test_a_ratio_must_be_positive(crystal: Atoms) -> None:
    """A volume cannot vanish."""
    with pytest.raises(ConfigurationError, match="ratio must be positive, not 0"):
        scale_volume(crystal, 0)


def test_a_sample_is_perturbed_alike_whatever_stands_around_it() -> None:
    """Seeds come from ids, so prefixes of a perturbed split are prefixes too."""
    split = load_split("mp-crystals", samples=10)
    few = perturbed(load_split("mp-crystals", samples=4), kind="rattle", level=0.1)
    many = perturbed(split, kind="rattle", level=0.1)
    assert [s.digest for s in few.samples] == [s.digest for s in many.samples[:4]]
    other = perturbed(split, kind="rattle", level=0.1, seed=1)
    assert all(a.digest != b.digest for a, b in zip(many.samples, other.samples, strict=True))


def test_generators_differ_between_samples_kinds_and_seeds() -> None:
    """No two samples are shaken in the same direction."""
    drawn = [
        rng_for(name, kind=kind, seed=seed).random()
        for name in ("a", "b")
        for kind in ("rattle", "strain")
        for seed in (0, 1)
    ]
    assert len(set(drawn)) == 8


def test_perturbing_more_moves_along_one_direction() -> None:
    """Twice the level is twice the displacement, atom by atom."""
    split = load_split("qm9", samples=5)
    first, second = (perturbed(split, kind="rattle", level=level) for level in (0.1, 0.2))
    for a, b, c in zip(split.samples, first.samples, second.samples, strict=True):
        assert a.atoms is not None
        assert b.atoms is not None
        assert c.atoms is not None
        np.testing.assert_allclose(
            c.atoms.positions - a.atoms.positions, 2 * (b.atoms.positions - a.atoms.positions)
        )


def test_a_perturbed_split_names_its_level() -> None:
    """Ids carry the level, labels of the unperturbed structure are gone, SMILES stay."""
    split = load_split("qm9", samples=2)
    series = [perturbed(split, kind="volume", level=level) for level in (0.95, 0.8)]
    assert [s.card.id for s in series] == ["qm9@volume=0.95", "qm9@volume=0.8"]
    assert series[0].ids == tuple(f"{name}@volume=0.95" for name in split.ids)
    assert series[0].samples[0].labels == {}
    assert series[0].samples[0].smiles == split.samples[0].smiles
    assert len({s.fingerprint for s in series}) == len(series)


def test_a_perturbed_split_is_loaded_by_name() -> None:
    """`split@kind=level` anywhere a split is named."""
    named = load_split("mp-crystals@strain=0.05", samples=3)
    made = perturbed(load_split("mp-crystals", samples=3), kind="strain", level=0.05)
    assert named.fingerprint == made.fingerprint
    assert named.card == made.card


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mp-crystals@shake=0.2", "write split@kind=level"),
        ("mp-crystals@rattle=-1", "write split@kind=level"),
        ("mp-crystals@volume=0", "must be above 0"),
        ("uniprot@rattle=0.2", "offers sequence, no atoms"),
        ("mp-crystal@rattle=0.2", "did you mean `mp-crystals`"),
    ],
)
def test_a_wrong_perturbation_is_answered(name: str, said: str) -> None:
    """One sentence says what may be written."""
    with pytest.raises(ConfigurationError, match=said):
        load_split(name, samples=2)


def test_an_unknown_kind_lists_the_known_ones() -> None:
    """Also from Python."""
    with pytest.raises(ConfigurationError, match="choose among rattle, strain, volume"):
        perturbed(load_split("qm9", samples=1), kind="melt", level=1)  # type: ignore[arg-type]
