"""Groups: a lost one is found although the mean does not move, retraining alone loses none."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign import load_split
from pytest_matalign.analysis.lost_groups import group_losses
from pytest_matalign.analysis.sample_groups import sample_groups
from pytest_matalign.analysis.shared import profiles
from pytest_matalign.mutants.rows import shuffled_within

N, GROUPS = 200, 20


class World:
    """Samples with eight properties, of which every trained model sees most."""

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)
        self.seen = self.rng.normal(size=(N, 8))
        size = N // GROUPS
        self.groups = {f"g{i}": np.arange(i * size, (i + 1) * size) for i in range(GROUPS)}

    def rows(self, *, noise=0.5):
        turned = self.seen @ self.rng.normal(size=(8, 24))
        return turned + noise * turned.std() * self.rng.normal(size=turned.shape)

    def losses(self, candidate, baseline):
        references = (profiles(self.rows()) + profiles(self.rows())) / 2
        return group_losses(profiles(candidate), profiles(baseline), references, self.groups)


def test_a_group_lost_in_a_retrained_model_is_named_and_its_worst_sample_first():
    world = World()
    baseline = world.rows()
    candidate = shuffled_within(world.rows(), world.rng, members=world.groups["g7"])
    first, *rest = world.losses(candidate, baseline)
    assert (first.group, first.lost, first.samples) == ("g7", True, 10)
    agreement = (profiles(candidate) * profiles(baseline)).sum(axis=1)
    assert first.worst[0] == world.groups["g7"][agreement[world.groups["g7"]].argmin()]
    assert not any(loss.lost for loss in rest)


def test_retraining_loses_no_group():
    """Of 100 models retrained with other noise at most 5 lose one of 20 groups."""
    alarms = 0
    for seed in range(100):
        world = World(seed)
        losses = world.losses(world.rows(), world.rows())
        alarms += any(loss.lost for loss in losses)
    assert alarms <= 5


def test_moving_away_from_the_baseline_towards_the_references_is_no_loss():
    world = World()
    baseline, candidate = world.rows(), world.rows()
    baseline = shuffled_within(baseline, world.rng, members=world.groups["g3"])
    found = {loss.group: loss for loss in world.losses(candidate, baseline)}
    assert "g3" not in found or not found["g3"].lost


def test_agreeing_less_with_references_everywhere_loses_no_group():
    """As a better model may, whose references are weaker."""
    world = World()
    baseline = world.rows()
    candidate = world.rows(noise=2.0)
    losses = world.losses(candidate, baseline)
    assert np.mean([loss.remains for loss in losses]) < 0.6
    assert not any(loss.lost for loss in losses)


def test_identical_models_lose_nothing():
    world = World()
    rows = world.rows()
    assert not any(loss.lost for loss in world.losses(rows, rows))


def test_groups_too_small_or_nearly_all_are_left_out():
    world = World()
    world.groups = {"few": np.arange(4), "all": np.arange(190), "some": np.arange(20)}
    assert [loss.group for loss in world.losses(world.rows(), world.rows())] == ["some"]


def test_samples_that_the_baseline_cannot_tell_apart_are_left_out():
    world = World()
    rows = world.rows()
    rows[world.groups["g5"]] = rows[world.groups["g5"][0]]
    assert "g5" not in {loss.group for loss in world.losses(world.rows(), rows)}


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
