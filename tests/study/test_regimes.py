"""Regimes: planted families land in their places, controls land where they must."""

from __future__ import annotations

import numpy as np
import pytest

from planted import planted_families
from pytest_matalign import metric_spec
from pytest_matalign.analysis.interval import Interval
from pytest_matalign.errors import MetricInputError
from pytest_matalign.study.measures.regimes import (
    classify,
    place_models,
    reference_for,
)

pytestmark = pytest.mark.slow

SPEC = metric_spec("cknna")


def _sure(value):
    return Interval(value=value, low=value - 0.01, high=value + 0.01)


@pytest.fixture(scope="module")
def planted():
    return planted_families(300, seed=1)


@pytest.fixture(scope="module")
def placed(planted):
    found = place_models(
        planted.embeddings,
        planted.facts,
        covariates=planted.covariates,
        labels=planted.labels,
        errors=planted.errors,
        spec=SPEC,
        split="planted",
        controls=planted.controls,
    )
    return {one.model: one for one in found}


def test_every_planted_family_is_placed_where_it_was_planted(planted, placed):
    """Shared latent, latent of its own and no latent at all are told apart."""
    assert {m: one.regime for m, one in placed.items()} == planted.truth


def test_no_control_is_aligned_and_accurate(placed, planted):
    """Composition, size and random features share no structure with anybody."""
    for control in planted.controls:
        assert placed[control].regime != "aligned-and-accurate"
        assert placed[control].shared.low <= 0


def test_composition_carries_nothing_beyond_itself_and_random_nothing_of_it(placed):
    """The two ends of the scale."""
    assert placed["composition"].beyond.high < 0.05
    assert placed["random"].beyond.low > 0.95


def test_a_reference_is_never_a_relative(placed, planted):
    """Relatives align whatever they know."""
    for model, one in placed.items():
        assert planted.facts[one.reference].family != planted.facts[model].family
        assert planted.facts[one.reference].pretrained


def test_labels_may_be_missing_or_absent(planted):
    """NaN labels are left out of the probes; without labels there is no word on accuracy."""
    labels = planted.labels.copy()
    labels[::3] = np.nan
    some = ("north-large", "south-large", "hermit-large", "composition")
    common = {
        "covariates": planted.covariates,
        "errors": planted.errors,
        "spec": SPEC,
        "split": "planted",
        "controls": ("composition",),
    }
    chosen = {m: planted.embeddings[m] for m in some}
    errors = {m: planted.errors[m] for m in some if m in planted.errors}
    for given in (labels, None):
        found = place_models(chosen, planted.facts, **{**common, "errors": errors}, labels=given)
        regimes = {m: planted.truth[m] for m in some}
        if given is None:
            regimes |= dict.fromkeys(("north-large", "south-large"), "aligned")
        assert {one.model: one.regime for one in found} == regimes
        assert (found[0].useful is None) == (given is None)


@pytest.mark.parametrize(
    ("beyond", "shared", "useful", "regime"),
    [
        (0.5, 0.3, 0.3, "aligned-and-accurate"),
        (0.5, 0.3, -0.1, "undecided"),
        (0.5, 0.0, 0.4, "private"),
        (0.5, 0.0, 0.0, "unshared"),
        (0.1, 0.0, 0.0, "collapsed"),
        (0.02, 0.0, 0.0, "collapsed"),
        (0.02, 0.3, 0.3, "aligned-and-accurate"),
        (0.02, 0.3, 0.0, "undecided"),
    ],
)
def test_rule(beyond, shared, useful, regime):
    """What each combination of sure quantities means."""
    assert (
        classify(beyond=_sure(beyond), shared=_sure(shared), useful=_sure(useful), threshold=0.2)
        == regime
    )


def test_wide_intervals_stay_undecided():
    """What the samples cannot tell is not told."""
    wide = Interval(value=0.05, low=-0.3, high=0.4)
    assert classify(beyond=_sure(0.5), shared=wide, useful=None, threshold=0.2) == "undecided"


def test_no_unrelated_reference_is_said():
    """One family alone has nobody to be measured by."""
    planted = planted_families(100)
    with pytest.raises(MetricInputError, match="every model with a known performance"):
        reference_for("north-small", {"north-large": 0.1}, planted.facts)
