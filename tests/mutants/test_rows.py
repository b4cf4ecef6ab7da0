"""Mutants do what their names say, and the same again for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign.metrics.arrays import distances
from pytest_matalign.mutants.rows import group_mutants, mutants

X = np.random.default_rng(0).normal(size=(100, 16)) * np.arange(1, 17)
BY_NAME = {mutant.name: mutant for mutant in mutants()}


def made(name, seed=0):
    return BY_NAME[name].change(X.copy(), np.random.default_rng(seed))


def test_names_are_distinct_and_both_verdicts_occur():
    assert len(BY_NAME) == len(mutants())
    assert {mutant.right for mutant in mutants()} == {"fail", "pass"}


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_seeded_and_leaves_its_argument_alone(name):
    before = X.copy()
    assert np.array_equal(made(name), made(name))
    assert np.array_equal(X, before)


@pytest.mark.parametrize("what", ["swapped", "zeroed"])
def test_as_many_rows_change_as_the_name_says(what):
    for share in (1, 2, 5):
        changed = (made(f"{share} % of rows {what}") != X).any(axis=1)
        assert changed.sum() == max(2, share)


@pytest.mark.parametrize(
    "name", ["rotation of the features", "permutation of the features", "identical rows"]
)
def test_harmless_coordinates_keep_all_distances(name):
    assert distances(made(name)) == pytest.approx(distances(X), abs=1e-6)


def test_collapse_leaves_the_rank_it_names():
    for rank in (1, 3, 10):
        left = made(f"collapse to {rank} components")
        assert np.linalg.matrix_rank(left - left.mean(axis=0)) == rank


def test_a_group_s_mutants_touch_its_rows_only():
    members = np.arange(10, 20)
    for mutant in group_mutants({"O": members}):
        changed = (mutant.change(X, np.random.default_rng(1)) != X).any(axis=1)
        assert set(np.flatnonzero(changed)) <= set(members)
        assert mutant.name.startswith("O: ")
