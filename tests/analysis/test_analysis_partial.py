"""Partial alignment: what covariates explain is gone, what they do not is left."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign.analysis.pairs import pair_table
from pytest_matalign.analysis.partial import CrossFit, project_out
from pytest_matalign.analysis.planted import planted_families
from pytest_matalign.errors import MetricInputError
from pytest_matalign.statistics import metric_spec

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


@pytest.mark.parametrize(
    ("covariates", "reason"),
    [(np.ones((50, 2)), "same for every sample"), (np.eye(12), "too few")],
)
def test_useless_covariates_are_refused(covariates, reason):
    """The message says what is wrong with them."""
    with pytest.raises(MetricInputError, match=reason):
        CrossFit(covariates)
