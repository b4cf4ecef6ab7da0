"""Trees and drivers: planted families and corpora come out, controls explain nothing."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import numpy as np
import pytest

from pytest_matalign import metric_spec
from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.analysis.pairs import pair_matrix, pair_table
from pytest_matalign.analysis.tree import evolutionary_tree, profile_distances
from pytest_matalign.errors import MetricInputError
from pytest_matalign.study.measures.crossed import crossed
from pytest_matalign.study.measures.drivers import drivers, explained

SPEC = metric_spec("cknna", k=10)


def _zoo(*, family_weight, corpus_weight, seed=0):
    """Eight models: two families by two corpora, two of each."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(200, 6))
    by = {name: rng.normal(size=(200, 6)) for name in ("f0", "f1", "c0", "c1")}
    embeddings, facts = {}, {}
    for f in ("f0", "f1"):
        for c in ("c0", "c1"):
            for v in range(2):
                name = f"{f}-{c}-{v}"
                x = np.hstack([shared, family_weight * by[f], corpus_weight * by[c]])
                embeddings[name] = x + 0.2 * rng.normal(size=x.shape)
                facts[name] = ModelFacts(
                    id=name, family=f, corpus=c, modality="3d", kind="invariant"
                )
    return embeddings, facts


@pytest.mark.parametrize(("family", "corpus"), [(1.0, 0.2), (0.2, 1.0)])
def test_the_planted_driver_explains_more(family, corpus):
    """Whichever was planted stronger explains more, alone and beyond the other."""
    embeddings, facts = _zoo(family_weight=family, corpus_weight=corpus)
    distances = profile_distances(pair_matrix(list(embeddings.values()), SPEC))
    found = {one.factor: one for one in drivers(distances, list(embeddings), facts)}
    strong, weak = ("family", "corpus") if family > corpus else ("corpus", "family")
    assert found[strong].explained > found[weak].explained + 0.3
    assert found[strong].p_value < 0.05
    assert found[strong].beyond > found[weak].beyond


def test_random_models_have_no_driver():
    """Groups of unrelated embeddings explain what random groups do."""
    rng = np.random.default_rng(0)
    _, facts = _zoo(family_weight=1, corpus_weight=1)
    noise = [rng.normal(size=(200, 10)) for _ in facts]
    distances = profile_distances(pair_matrix(noise, SPEC))
    for one in drivers(distances, list(facts), facts):
        assert one.p_value > 0.05
        assert abs(one.explained - one.permuted) < 0.1


def test_variance_explained_is_that_of_sums_of_squares():
    """Euclidean distances on a line: R2 is the between-group share of an analysis of variance."""
    x = np.array([0.0, 1.0, 4.0, 5.0])
    distances = np.abs(x[:, None] - x[None, :])
    assert explained(distances, list("aabb")) == pytest.approx(16.0 / 17.0)


def test_factors_that_say_nothing_are_left_out():
    """One level, or one a model, explains nothing or everything whatever the distances."""
    embeddings, facts = _zoo(family_weight=1, corpus_weight=1)
    distances = profile_distances(pair_matrix(list(embeddings.values()), SPEC))
    found = drivers(distances, list(embeddings), facts, factors=("modality", "id", "family"))
    assert [one.factor for one in found] == ["family"]


def test_a_corpus_of_one_family_adds_nothing_to_it():
    """Nothing is left to permute, and nothing is claimed."""
    embeddings, facts = _zoo(family_weight=1, corpus_weight=1)
    some = [m for m in facts if m.startswith(("f0-c0", "f1-c1"))]
    distances = profile_distances(pair_matrix([embeddings[m] for m in some], SPEC))
    for one in drivers(distances, some, facts):
        assert (one.beyond_df, one.beyond_p_value) == (0, 1.0)
        assert one.beyond == pytest.approx(0.0, abs=1e-9)


@pytest.mark.slow
def test_what_family_does_is_no_evidence_for_corpus():
    """With corpora partly nested in strong families the test keeps its level: 1 draw in 20."""
    rng = np.random.default_rng(0)
    kinds = [("a", "p"), ("a", "p"), ("a", "q"), ("a", "q"), ("b", "p"), ("b", "q"), ("b", "q")]
    kinds += [("c", "r"), ("c", "r"), ("c", "p"), ("c", "q")]
    facts = {
        f"m{i}": ModelFacts(id=f"m{i}", family=f, corpus=c, modality="3d", kind="invariant")
        for i, (f, c) in enumerate(kinds)
    }
    place = {f: rng.normal(size=5) * 3 for f in "abc"}
    hits = 0
    for _ in range(60):
        x = np.stack([place[f] + rng.normal(size=5) for f, _ in kinds])
        distances = np.linalg.norm(x[:, None] - x[None, :], axis=2)
        corpus = drivers(distances, list(facts), facts, permutations=199)[1]
        hits += corpus.beyond_p_value < 0.05
    assert 0 < hits <= 8


@pytest.mark.parametrize(("family", "corpus", "sign"), [(1.0, 0.2, -1), (0.2, 1.0, 1)])
def test_the_planted_factor_leads_where_the_two_cross(family, corpus, sign):
    """Two families of one corpus against two corpora of one family."""
    embeddings, facts = _zoo(family_weight=family, corpus_weight=corpus)
    found = crossed(pair_table(embeddings, SPEC, split="s"), facts)
    assert sign * found.gap.value > 0.1
    assert found.gap.above_zero if sign > 0 else found.gap.below_zero
    assert (found.corpora, found.families) == (("c0", "c1"), ("f0", "f1"))
    # Two of each cross in one way only: without a family no two share a corpus any more.
    assert set(found.without.values()) == {None}
    assert not found.steady


def test_corpora_that_share_a_set_are_not_two():
    """Models trained on A and on A + B say nothing of what other data does."""
    embeddings, facts = _zoo(family_weight=1.0, corpus_weight=0.2)
    nested = {
        m: replace(one, corpus="c0 + c1" if one.corpus == "c1" else "c0")
        for m, one in facts.items()
    }
    assert crossed(pair_table(embeddings, SPEC, split="s"), nested) is None


def test_profile_distances_follow_the_formula():
    """Two by two by hand: the divergence in bits of (1, .5) / 1.5 and (.5, 1) / 1.5."""
    p, q = np.array([2, 1]) / 3, np.array([1, 2]) / 3
    m = (p + q) / 2
    jsd = ((p * np.log2(p / m)).sum() + (q * np.log2(q / m)).sum()) / 2
    found = profile_distances(np.array([[1.0, 0.5], [0.5, 1.0]]))
    assert found == pytest.approx(np.array([[0, jsd**0.5], [jsd**0.5, 0]]))


@pytest.mark.slow
def test_tree_holds_planted_families_with_support():
    """Families planted apart are clades of nearly all half-samples."""
    embeddings, facts = _zoo(family_weight=1.0, corpus_weight=0.2)
    tree = evolutionary_tree(embeddings, SPEC, resamples=30)
    assert tree.holds([m for m in facts if m.startswith("f0")]) >= 0.95
    assert tree.holds([m for m in facts if "c0" in m]) is None


def test_newick_is_read_back_with_the_same_leaves():
    """What is exported is Newick with support and lengths."""
    from Bio import Phylo

    embeddings, _ = _zoo(family_weight=1.0, corpus_weight=0.2)
    tree = evolutionary_tree(embeddings, SPEC, resamples=5)
    read = Phylo.read(StringIO(tree.newick), "newick")
    assert {leaf.name for leaf in read.get_terminals()} == set(embeddings)
    assert all(leaf.branch_length >= 0 for leaf in read.get_terminals())


def test_tree_of_random_models_has_no_support():
    """Unrelated embeddings have no clade that half-samples agree on."""
    rng = np.random.default_rng(1)
    noise = {f"m{i}": rng.normal(size=(200, 10)) for i in range(8)}
    tree = evolutionary_tree(noise, SPEC, resamples=30)
    assert max(tree.support.values()) < 0.7


def test_few_models_are_no_tree():
    """Three leaves have one tree."""
    rng = np.random.default_rng(0)
    with pytest.raises(MetricInputError, match="four models"):
        evolutionary_tree({m: rng.normal(size=(50, 3)) for m in "abc"}, SPEC)
