"""Probes: what can be read off is, what cannot is not, and composition is taken off first."""

from __future__ import annotations

import numpy as np
import pytest

from planted import planted_families
from pytest_matalign.analysis.probes import advantage, composition_fit, probe, unseen_residuals
from pytest_matalign.errors import MetricInputError
from pytest_matalign.study.measures.energies import energy_error


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ridge", "knn"])
def test_planted_label_is_read_off_the_families_that_see_structure(method):
    """Converged families predict, private, collapsed and random ones do not."""
    planted = planted_families(300, seed=2)
    from pytest_matalign.analysis.partial import CrossFit

    left = CrossFit(planted.covariates).residuals(planted.labels[:, None])[:, 0]
    scores = {m: probe(x, left, method=method).score for m, x in planted.embeddings.items()}
    assert scores["north-large"].low > 0.2
    assert scores["south-small"].low > 0.2
    for model in ("hermit-large", "hollow-large", "composition", "size", "random"):
        assert scores[model].value < 0.1


def test_more_features_than_samples_do_not_pass_for_knowledge():
    """A probe on noise explains nothing, however wide the noise."""
    rng = np.random.default_rng(0)
    found = probe(rng.normal(size=(80, 500)), rng.normal(size=80))
    assert found.score.value < 0.1


def test_advantage_is_paired_and_signed():
    """A probe leads one of noise surely, and itself by nothing."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 5))
    y = x @ rng.normal(size=5)
    good, bad = probe(x, y), probe(rng.normal(size=(200, 5)), y)
    assert advantage(good, bad).low > 0.8
    assert advantage(good, good).value == 0.0
    with pytest.raises(MetricInputError, match="same labels"):
        advantage(good, probe(x, y + 1))


@pytest.mark.parametrize(
    ("labels", "reason"),
    [(np.ones(50), "differ"), (np.full(50, np.nan), "finite"), (np.arange(10.0), "same number")],
)
def test_useless_labels_are_refused(labels, reason):
    """The message says what is wrong with them."""
    with pytest.raises(MetricInputError, match=reason):
        probe(np.random.default_rng(0).normal(size=(50, 3)), labels)


def test_energies_that_differ_by_element_references_have_no_error():
    """What is linear in composition is forgiven, what is not is measured."""
    rng = np.random.default_rng(0)
    composition = rng.dirichlet(np.ones(4), size=300)
    truth = composition @ [1.0, -3.0, 2.0, 0.5] + 0.2 * rng.normal(size=300)
    shifted = truth + composition @ [5.0, 1.0, -2.0, 7.0]
    assert energy_error(shifted, truth, composition).value == pytest.approx(0.0, abs=1e-9)
    wrong = shifted + 0.1 * rng.choice([-1.0, 1.0], size=300)
    assert energy_error(wrong, truth, composition).value == pytest.approx(0.1, rel=0.1)


def test_composition_fit_leaves_nothing_linear():
    """Residuals are orthogonal to every element's amount."""
    rng = np.random.default_rng(0)
    counts = np.column_stack([rng.integers(0, 5, size=(50, 3)), np.zeros(50)])
    left = composition_fit(counts, rng.normal(size=50))
    assert counts.T @ left == pytest.approx(np.zeros(4), abs=1e-9)


def test_each_sample_is_judged_by_the_fit_of_the_others():
    """As leaving it out and fitting again says; who alone has an element cannot be judged."""
    rng = np.random.default_rng(0)
    composition = np.column_stack([rng.dirichlet(np.ones(4), size=30), np.zeros(30)])
    composition[7] = [0.25, 0.25, 0.25, 0.0, 0.25]
    energies = rng.normal(size=30)
    found = unseen_residuals(composition, energies)
    for left_out in set(range(30)) - {7}:
        others = np.arange(30) != left_out
        fit = np.linalg.lstsq(composition[others], energies[others], rcond=None)[0]
        expected = energies[left_out] - composition[left_out] @ fit
        assert found[left_out] == pytest.approx(expected, abs=1e-9)
    assert np.isnan(found[7])


def test_a_nearly_constant_column_and_one_odd_sample_do_not_explode():
    """Gaussian bumps that one sample alone reaches: the score stays that of knowing nothing."""
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=100), 1e-12 * rng.normal(size=100), np.zeros(100)])
    x[3, 1:] = 1.0
    assert probe(x, rng.normal(size=100)).score.value > -0.5
