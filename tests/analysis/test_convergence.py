"""Convergence with performance: planted trends found, built-in ones not mistaken for it."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign import metric_spec
from pytest_matalign.analysis.convergence import convergence
from pytest_matalign.analysis.correlation import rank_correlation
from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.analysis.pairs import pair_table
from pytest_matalign.errors import MetricInputError


def _fact(name, family):
    return ModelFacts(id=name, family=family, corpus="c", modality="3d", kind="invariant")


def _zoo(*, quality_matters):
    """Six families of two; errors fall with quality, alignment does if quality matters."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(200, 8))
    embeddings, facts, errors = {}, {}, {}
    for f in range(6):
        own = rng.normal(size=(200, 8))
        for v in range(2):
            name, error = f"f{f}-{v}", 0.05 + 0.1 * f + 0.03 * v
            weight = 1.0 - 1.4 * error if quality_matters else 0.5
            x = np.hstack([weight * truth, (1 - weight) * own])
            embeddings[name] = x + 0.05 * rng.normal(size=x.shape)
            facts[name], errors[name] = _fact(name, f"family{f}"), error
    return pair_table(embeddings, metric_spec("cknna"), split="s"), errors, facts


def test_planted_convergence_is_found_among_unrelated_models():
    """Better models align more with the best, over models and over families."""
    table, errors, facts = _zoo(quality_matters=True)
    found = convergence(table, errors, facts)
    assert found.reference == "f0-0"
    assert not any(facts[m].family == "family0" for m in found.models)
    assert found.correlation.value < -0.8
    assert found.correlation.family_value < -0.8
    assert found.correlation.p_value < 0.05
    assert max(found.correlation.without.values()) < -0.8


def test_relatives_of_the_reference_build_a_trend_in():
    """Without any convergence the reference's relative still aligns best: scored only if asked."""
    table, errors, facts = _zoo(quality_matters=False)
    alone = convergence(table, errors, facts)
    related = convergence(table, errors, facts, related=True)
    assert set(related.models) - set(alone.models) == {"f0-1"}
    assert max(related.alignments) == related.alignments[related.models.index("f0-1")]
    assert abs(alone.correlation.value) < 0.7
    assert alone.correlation.p_value > 0.05


def test_too_few_models_give_no_correlation():
    """Three points have no rank correlation worth the name."""
    table, errors, facts = _zoo(quality_matters=True)
    some = {m: errors[m] for m in ("f0-0", "f1-0", "f2-0", "f3-0")}
    assert convergence(table, some, facts).correlation is None


def test_lower_is_closer_is_refused():
    """A distance would turn the sign around in silence."""
    rng = np.random.default_rng(0)
    spec = metric_spec("information_imbalance")
    table = pair_table({m: rng.normal(size=(60, 3)) for m in "ab"}, spec, split="s")
    with pytest.raises(MetricInputError, match="higher values"):
        convergence(table, {"a": 1.0, "b": 2.0}, {m: _fact(m, m) for m in "ab"})


def test_permutation_p_is_exact_for_few_families():
    """Five families in perfect order, one of them twice: 2 of 120 orders are as extreme."""
    found = rank_correlation([1, 1, 2, 3, 4, 5], [5, 5, 4, 3, 2, 1], list("aabcde"))
    assert (found.family_value, found.p_value) == pytest.approx((-1.0, 2 / 120))


def test_three_families_are_too_few_to_judge_by():
    """However many variants they have."""
    found = rank_correlation([1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], list("aabbcc"))
    assert found.value == -1.0
    assert (found.family_value, found.p_value) == (None, None)


def test_permutation_p_of_unrelated_properties_is_uniform_enough():
    """One in twenty unrelated pairs comes below 0.05."""
    rng = np.random.default_rng(0)
    hits = sum(
        rank_correlation(rng.normal(size=6), rng.normal(size=6), list("abcdef")).p_value < 0.05
        for _ in range(60)
    )
    assert hits <= 8
