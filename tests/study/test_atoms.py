"""Atoms: which are drawn, how they are pooled, and that structures stay together."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign import metric_spec
from pytest_matalign.analysis.pairs import pair_table
from pytest_matalign.analysis.partial import CrossFit
from pytest_matalign.analysis.probes import advantage, probe
from pytest_matalign.errors import MetricInputError
from pytest_matalign.study.measures.atoms import AtomRows, atom_covariates, draw_atoms, pooled


def test_few_atoms_of_every_structure_are_drawn_once_each():
    """At most so many, all of a small structure, the same draw every time."""
    rows = draw_atoms([1, 3, 50], most=4)
    assert rows.structure.tolist() == [0, 1, 1, 1, 2, 2, 2, 2]
    assert len(set(rows.atom[4:])) == 4
    assert np.array_equal(rows.atom, draw_atoms([1, 3, 50], most=4).atom)


def test_rows_are_those_of_the_atoms_drawn():
    """Features by structure become one row an atom."""
    rows = AtomRows(structure=np.array([0, 1, 1]), atom=np.array([1, 0, 2]))
    features = [np.arange(4.0).reshape(2, 2), 10 + np.arange(6.0).reshape(3, 2)]
    assert rows.of(features).tolist() == [[2, 3], [10, 11], [14, 15]]


def test_an_empty_structure_is_refused():
    """It has no atom to compare."""
    with pytest.raises(MetricInputError, match="without atoms"):
        draw_atoms([2, 0], most=4)


def test_one_cumulant_is_the_mean():
    """Up to a shift and a scale that no centred metric sees."""
    rng = np.random.default_rng(0)
    features = [rng.normal(size=(count, 3)) for count in (1, 4, 9, 2)]
    means = np.array([one.mean(axis=0) for one in features])
    found = pooled(features, order=1)
    ratio = (means - means.mean(axis=0)) / found
    assert ratio == pytest.approx(np.full_like(ratio, ratio[0, 0]))


def test_cumulants_are_in_the_features_unit_and_of_equal_weight():
    """Scaling the features scales nothing away; each block has a total variance of one."""
    rng = np.random.default_rng(0)
    features = [rng.gamma(1.0 + i % 3, size=(12, 3)) for i in range(40)]
    found = pooled(features, order=3)
    assert found.shape == (40, 9)
    assert found == pytest.approx(pooled([5 * one for one in features], order=3))
    assert [found[:, i : i + 3].var(axis=0).sum() for i in (0, 3, 6)] == pytest.approx([1, 1, 1])


def test_what_only_the_spread_knows_is_lost_by_the_mean():
    """A label that is the atoms' spread is read off two cumulants and not off one."""
    rng = np.random.default_rng(0)
    spread = rng.uniform(0.5, 3.0, size=150)
    features = [s * rng.normal(size=(30, 4)) for s in spread]
    mean, more = (probe(pooled(features, order=order), spread) for order in (1, 2))
    assert mean.score.value < 0.1
    assert advantage(more, mean).low > 0.5


def test_unknown_orders_are_refused():
    """One to three."""
    with pytest.raises(MetricInputError, match="choose 1, 2 or 3"):
        pooled([np.ones((2, 2))], order=4)


def test_covariates_of_atoms_know_element_and_structure():
    """Atoms of one element in one structure cannot be told apart."""
    numbers = [np.array([1, 8, 1]), np.array([6, 6, 8])]
    rows = AtomRows(structure=np.array([0, 0, 0, 1, 1]), atom=np.array([0, 1, 2, 0, 2]))
    found = atom_covariates(numbers, rows, np.array([[0.0], [1.0]]))
    assert np.array_equal(found[0], found[2])
    assert not np.allclose(found[0], found[1])
    assert not np.allclose(found[1], found[4])


def test_atoms_of_one_structure_share_fold_and_jackknife_group():
    """Copies of a structure's row would otherwise predict each other and shrink the interval."""
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(60, 3)), rng.normal(size=(60, 2))
    clusters = np.repeat(np.arange(60), 4)
    noise = 1e-3 * rng.normal(size=(240, 3))
    apart, together = (
        CrossFit(np.repeat(z, 4, axis=0) + noise, clusters=c).explained(np.repeat(y, 4, axis=0))
        for c in (None, clusters)
    )
    assert apart.value > 0.5
    assert together.value < 0.2
    spaces = {m: np.repeat(rng.normal(size=(60, 3)) + z, 4, axis=0) for m in "ab"}
    spec = metric_spec("linear_cka")
    narrow, wide = (
        pair_table(spaces, spec, split="s", clusters=c).pair("a", "b") for c in (None, clusters)
    )
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
