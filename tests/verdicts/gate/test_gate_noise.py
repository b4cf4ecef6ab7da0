"""Training moves rows by their samples; noise moves them without regard to them."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign.analysis.partial import CrossFit
from pytest_matalign.analysis.shared import standardised
from pytest_matalign.verdicts.gate.noise import noise

N, D = 150, 24


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.fixture
def baseline(rng):
    return np.tanh(rng.normal(size=(N, 6)) @ rng.normal(size=(6, D))) + 0.1 * rng.normal(
        size=(N, D)
    )


def judged(candidate, baseline):
    return noise(candidate, baseline, CrossFit(standardised(baseline)))


@pytest.mark.parametrize("level", [0.1, 0.2, 1.0])
def test_noise_of_any_size_is_told_by_what_it_has_nothing_to_do_with(rng, baseline, level):
    found = judged(baseline + level * rng.normal(size=baseline.shape), baseline)
    assert found.verdict == "regressed"
    assert "without regard to their samples" in found.why
    assert abs(found.figures["told"]) < 0.05


def test_noise_that_grows_with_the_rows_is_noise(rng, baseline):
    """As dropout that was left on, which scales what it keeps."""
    dropped = baseline * (rng.random(baseline.shape) > 0.1) / 0.9
    assert judged(dropped, baseline).verdict == "regressed"


def test_a_smooth_change_is_training(rng, baseline):
    turn = np.eye(D) + 0.1 * rng.normal(size=(D, D))
    assert judged(np.tanh(baseline @ turn), baseline).verdict == "passed"


def test_other_axes_are_no_noise(rng, baseline):
    """Of the difference of unrelated axes the baseline's own row is half."""
    found = judged(rng.normal(size=baseline.shape), baseline)
    assert found.verdict == "passed"
    assert found.figures["told"] > 0.3


def test_another_width_is_not_compared(rng, baseline):
    assert judged(baseline[:, :-1], baseline).verdict == "passed"
