"""Groups: a lost one is found although the mean does not move, retraining alone loses none."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign import load_split
from pytest_matalign.analysis.lost_groups import group_losses
from pytest_matalign.analysis.sample_groups import sample_groups


def drawn(n=300, count=20, seed=0):
    rng = np.random.default_rng(seed)
    groups = {f"g{i}": np.arange(i * n // count, (i + 1) * n // count) for i in range(count)}
    own = 0.7 + 0.1 * rng.normal(size=n)
    change = 0.02 * rng.normal(size=n)
    return groups, own, change


def test_a_lost_group_is_named_and_its_worst_sample_first():
    groups, own, change = drawn()
    rng = np.random.default_rng(1)
    own[groups["g7"]] = 0.05 + 0.05 * rng.normal(size=15)
    change[groups["g7"]] -= 0.3
    assert abs(change.mean()) < 0.02
    first, *rest = group_losses(own, change, groups)
    assert (first.group, first.lost) == ("g7", True)
    assert first.worst[0] == groups["g7"][own[groups["g7"]].argmin()]
    assert not any(loss.lost for loss in rest)


def test_groups_that_retraining_moved_are_not_lost():
    """Of 100 retrained models whose groups all moved a little, at most 5 lose one."""
    alarms = 0
    for seed in range(100):
        groups, own, change = drawn(seed=seed)
        rng = np.random.default_rng([seed, 1])
        for members in groups.values():
            own[members] += 0.15 * rng.normal()
            change[members] += 0.05 * rng.normal()
        alarms += any(loss.lost for loss in group_losses(own, change, groups))
    assert alarms <= 5


def test_a_group_that_agrees_more_with_references_is_not_lost():
    """Moving away from the baseline and towards everybody else is no loss."""
    groups, own, change = drawn()
    own[groups["g3"]] = 0.1
    change[groups["g3"]] += 0.3
    assert not any(loss.lost for loss in group_losses(own, change, groups))


def test_identical_models_lose_nothing():
    groups, _, _ = drawn()
    assert not any(loss.lost for loss in group_losses(np.ones(300), np.zeros(300), groups))


def test_groups_too_small_or_nearly_all_are_left_out():
    rng = np.random.default_rng(0)
    groups = {"few": np.arange(4), "all": np.arange(95), "some": np.arange(20)}
    found = group_losses(rng.normal(size=100), rng.normal(size=100), groups)
    assert [loss.group for loss in found] == ["some"]


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("mp-crystals", {"O", "2 elements", "low size", "high formation_energy_eV"}),
        ("mp-perturbed", {"kind rattled", "kind compressed"}),
        ("pdb-chains", {"high size", "low helix_fraction"}),
    ],
)
def test_splits_carry_groups(split, expected):
    samples = load_split(split, samples=60).samples
    groups = sample_groups(samples)
    assert expected <= set(groups)
    if "O" in groups:
        assert all("O" in samples[i].atoms.symbols for i in groups["O"])
