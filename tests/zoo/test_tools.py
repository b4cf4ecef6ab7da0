"""Silence, boxes, pooling and shuffling."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
import torch
from ase.build import bulk, fcc111, molecule

from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.adapters._support.pooling import mean_by_mask, mean_by_sample
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.structures import VACUUM, boxed, molecule_of, with_volume

if TYPE_CHECKING:
    from pathlib import Path


def test_warnings_and_prints_inside_quiet_are_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    """Even where warnings are errors, as in this test run."""
    with quiet():
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        print("loading")  # noqa: T201  what model packages do
    assert capsys.readouterr().out == ""


def test_errors_pass_through_quiet() -> None:
    """Silence is for warnings only, and ends with the block."""
    with pytest.raises(KeyError), quiet():
        raise KeyError
    with pytest.raises(DeprecationWarning):
        warnings.warn("old", DeprecationWarning, stacklevel=1)


def test_a_module_that_warns_when_imported_can_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host project's strict warnings do not reach into model packages."""
    (tmp_path / "noisy_package.py").write_text("import warnings\nwarnings.warn('old')\nX = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert import_quietly("noisy_package").X == 1


def test_molecules_are_boxed_with_vacuum() -> None:
    """The nearest image is at least twice the vacuum away."""
    water = molecule("H2O")
    box = boxed(water)
    assert box.pbc.all()
    assert not water.pbc.any()
    extent = np.ptp(water.positions, axis=0)
    np.testing.assert_allclose(box.cell.lengths(), extent + 2 * VACUUM)
    np.testing.assert_allclose(box.get_all_distances(), water.get_all_distances())


def test_crystals_are_left_as_they_are_and_slabs_get_vacuum() -> None:
    """Only directions that are not periodic are opened; labels are left behind."""
    copper = bulk("Cu")
    copper.info["energy"] = 1.0
    np.testing.assert_array_equal(boxed(copper).cell, copper.cell)
    assert not boxed(copper).info
    slab = fcc111("Cu", size=(1, 1, 3), vacuum=1.0)
    assert boxed(slab).cell.lengths()[2] == pytest.approx(np.ptp(slab.positions[:, 2]) + 16)
    np.testing.assert_allclose(boxed(slab).cell.lengths()[:2], slab.cell.lengths()[:2])


def test_a_slab_without_a_normal_gets_a_cell_with_a_volume() -> None:
    """Its flags stay; crystals, molecules and slabs with a cell are not touched."""
    bare = fcc111("Cu", size=(1, 1, 3))
    bare.cell[2] = 0.0
    whole = with_volume(bare)
    assert list(whole.pbc) == [True, True, False]
    assert whole.cell.lengths()[2] == pytest.approx(np.ptp(bare.positions[:, 2]) + 2 * VACUUM)
    np.testing.assert_allclose(whole.get_all_distances(), bare.get_all_distances())
    for one in (bulk("Cu"), molecule("H2O"), fcc111("Cu", size=(1, 1, 3), vacuum=1.0)):
        np.testing.assert_array_equal(with_volume(one).cell, one.cell)
        np.testing.assert_array_equal(with_volume(one).positions, one.positions)


def test_a_bad_smiles_is_none_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    """RDKit would print a parse error."""
    assert molecule_of("C((") is None
    assert capfd.readouterr().err == ""


def test_means_are_taken_sample_by_sample() -> None:
    """By count, and by mask, which drops padding and special tokens."""
    rows = torch.arange(10, dtype=torch.float32).reshape(5, 2)
    np.testing.assert_array_equal(mean_by_sample(rows, [1, 4]), [[0, 1], [5, 6]])
    padded = torch.stack([rows[:3], rows[2:]])
    mask = torch.tensor([[True, False, False], [False, True, True]])
    np.testing.assert_array_equal(mean_by_mask(padded, mask), [[0, 1], [7, 8]])


def test_shuffling_keeps_each_tensors_values_and_is_reproducible() -> None:
    """The same seed gives the same network, another seed another one."""
    card = catalogue.card("chgnet-untrained")

    def network() -> torch.nn.Module:
        torch.manual_seed(0)
        return torch.nn.Linear(20, 30)

    trained, first, second, other = (network() for _ in range(4))
    shuffle_if_asked(trained, catalogue.card("chgnet-0.3.0"))
    shuffle_if_asked(first, card)
    shuffle_if_asked(second, card)
    shuffle_if_asked(other, msgspec.structs.replace(card, options={"shuffle_seed": 2}))
    assert torch.equal(trained.weight, network().weight)
    assert torch.equal(first.weight, second.weight)
    assert not torch.equal(first.weight, trained.weight)
    assert not torch.equal(first.weight, other.weight)
    assert torch.equal(first.weight.flatten().sort()[0], trained.weight.flatten().sort()[0])
