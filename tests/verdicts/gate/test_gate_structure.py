"""Which losses are `moved` and which `regressed`: the whole table of the rule."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign.verdicts.gate.structure import Loss, probe_loss, structure

KEPT, UNSURE, FELL, HALVED = (-0.01, 0.01), (-0.01, 0.08), (0.06, 0.14), (0.3, 0.4)


def loss(ends, name="cknna"):
    low, high = ends
    return Loss(name=name, value=(low + high) / 2, low=low, high=high, had=0.5, tolerance=0.025)


@pytest.mark.parametrize(
    ("first", "second", "labels", "verdict"),
    [
        (KEPT, KEPT, KEPT, "passed"),
        (FELL, FELL, KEPT, "moved"),
        (HALVED, HALVED, KEPT, "moved"),
        (FELL, KEPT, FELL, "regressed"),
        (KEPT, KEPT, FELL, "moved"),
        (KEPT, KEPT, HALVED, "regressed"),
        (UNSURE, KEPT, FELL, "undecided"),
        (UNSURE, KEPT, KEPT, "passed"),
        (UNSURE, KEPT, UNSURE, "undecided"),
        (FELL, FELL, UNSURE, "moved"),
        (HALVED, KEPT, UNSURE, "regressed"),
        (KEPT, KEPT, None, "passed"),
        (UNSURE, KEPT, None, "undecided"),
        (FELL, KEPT, None, "moved"),
        (FELL, FELL, None, "regressed"),
        (HALVED, KEPT, None, "regressed"),
    ],
)
def test_alignment_alone_moves_and_both_together_regress(first, second, labels, verdict):
    told = None if labels is None else loss(labels, "labels")
    found = structure([loss(first), loss(second, "distance_correlation")], told)
    assert found.verdict == verdict
    assert found.why.endswith(".")


def test_the_probe_speaks_of_labels_that_the_baseline_tells():
    """A label nobody can read off does not dilute one that is lost."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6))
    labels = {"seen": x[:, 0] + x[:, 1], "noise": rng.normal(size=200)}
    found = probe_loss(x[:, 1:], x, labels)
    assert found is not None
    assert found.had == pytest.approx(1, abs=0.02)
    assert found.value == pytest.approx(0.5, abs=0.15)
    assert found.state == "fell"
    assert probe_loss(x, x, {"noise": labels["noise"]}) is None


def test_labels_with_gaps_are_paired_over_the_samples_that_have_them():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 4))
    label = x[:, 0].copy()
    label[::2] = np.nan
    same = probe_loss(x, x, {"half": label})
    assert same is not None
    assert (same.value, same.state) == (0, "kept")
