"""Partial alignment: what covariates explain is gone, what they do not is left."""

from __future__ import annotations

import numpy as np
import pytest

from planted import planted_families
from pytest_matalign import metric_spec
from pytest_matalign.analysis.pairs import pair_table
from pytest_matalign.analysis.partial import CrossFit, project_out, side_by_side
from pytest_matalign.errors import MetricInputError

pytestmark = pytest.mark.slow

CHANCE = 10 / 249
"""CKNNA of unrelated spaces is about k / (n - 1)."""


@pytest.fixture(scope="module")
def tables():
    planted = planted_families(250, seed=3)
    spec = metric_spec("cknna", k=10)
    names = ("north-large", "south-large", "hermit-large", "hollow-large", "random")
    some = {m: planted.embeddings[m] for m in names}
    left = project_out(some, CrossFit(planted.covariates))
    raw = pair_table(some, spec, split="planted")
    return raw, pair_table(left, spec, split="planted")


def test_agreement_on_composition_alone_vanishes(tables):
    """Families that share composition only look aligned until it is taken off."""
    raw, partial = tables
    assert raw.pair("north-large", "hollow-large").low > CHANCE + 0.1
    assert partial.pair("north-large", "hollow-large").value == pytest.approx(CHANCE, abs=0.03)


def test_agreement_on_structure_stays(tables):
    """A shared latent survives the projection."""
    assert tables[1].pair("north-large", "south-large").low > 0.4


def test_random_features_agree_with_nobody(tables):
    """The control is at chance, raw and partial."""
    for table in tables:
        for model in ("north-large", "hermit-large", "hollow-large"):
            assert table.pair("random", model).value == pytest.approx(CHANCE, abs=0.03)


def test_unrelated_residuals_stay_unrelated_with_many_covariates():
    """Cross-fitting: 100 covariates of 150 samples plant no agreement of their own."""
    rng = np.random.default_rng(0)
    crossfit = CrossFit(rng.normal(size=(150, 100)))
    left = project_out({m: rng.normal(size=(150, 30)) for m in "ab"}, crossfit)
    table = pair_table(left, metric_spec("linear_cka"), split="s")
    assert abs(table.pair("a", "b").value) < 0.05


def test_explained_share_knows_both_ends():
    """A linear map of the covariates is wholly predicted, noise not at all."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 5))
    crossfit = CrossFit(z)
    assert crossfit.explained(z @ rng.normal(size=(5, 10))).low > 0.95
    assert crossfit.explained(rng.normal(size=(200, 10))).high < 0.05


def test_predictions_never_see_their_own_sample():
    """Changing one target leaves its own prediction as it was."""
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(60, 3)), rng.normal(size=(60, 1))
    crossfit = CrossFit(z)
    before = crossfit.predict(y)
    y[7] += 100.0
    assert crossfit.predict(y)[7] == pytest.approx(before[7])


def _molecules(n):
    """Fractions of four elements, two of them rare, and a size in bumps most of which are tails."""
    rng = np.random.default_rng(2)
    counts = rng.poisson((9.0, 7.0, 0.4, 0.15), size=(n, 4)) + np.array([1, 1, 0, 0])
    atoms = counts.sum(axis=1)
    fractions = counts / atoms[:, None]
    bumps = np.exp(-2 * (np.log(atoms)[:, None] - np.linspace(0, 10, 100)) ** 2)
    return fractions, bumps


@pytest.mark.parametrize("n", [100, 200, 300])
def test_rare_compositions_are_not_extrapolated(n):
    """What the covariates decide is predicted for every sample, the few of rare make-up too."""
    fractions, bumps = _molecules(n)
    crossfit = CrossFit(side_by_side(fractions, bumps))
    rows = fractions - fractions.mean(axis=0)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert crossfit.explained(rows).low > 0.8
    # Rows have unit length. Extrapolated from tails of bumps, some were off by hundreds.
    assert (crossfit.residuals(rows) ** 2).sum(axis=1).max() < 8


def test_blocks_get_the_same_weight_and_keep_their_columns_proportions():
    """Units of a group do not matter, proportions within it do."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(40, 3)) * [1, 2, 3], rng.normal(size=(40, 2))
    joined = side_by_side(a, b)
    assert joined == pytest.approx(side_by_side(100 * a, b + 7))
    assert joined.var(axis=0).sum() == pytest.approx(2.0)
    assert joined[:, 1].std() / joined[:, 0].std() == pytest.approx(a[:, 1].std() / a[:, 0].std())


def test_missing_labels_teach_the_fit_nothing():
    """What is left of the known labels is the same whatever the gaps would be filled with."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(90, 4))
    labels = z @ rng.normal(size=4)
    gaps = labels.copy()
    gaps[::3] = np.nan
    known, left = CrossFit(z).label_residuals(gaps)
    assert known.sum() == len(left) == 60
    assert left.var() < 0.02 * labels.var()
    assert CrossFit(z).label_residuals(labels)[0].all()


@pytest.mark.parametrize(
    ("covariates", "reason"),
    [(np.ones((50, 2)), "same for every sample"), (np.eye(12), "too few")],
)
def test_useless_covariates_are_refused(covariates, reason):
    """The message says what is wrong with them."""
    with pytest.raises(MetricInputError, match=reason):
        CrossFit(covariates)
