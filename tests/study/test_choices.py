"""Selection, sensitivity, graded series, dimension and modality on planted data."""

from __future__ import annotations

import numpy as np
import pytest

from planted import planted_families
from pytest_matalign import load_split, metric_spec
from pytest_matalign.analysis.facts import ModelFacts, facts_of
from pytest_matalign.analysis.pairs import pair_table
from pytest_matalign.environments.loading import load
from pytest_matalign.errors import MetricInputError
from pytest_matalign.study.measures.dimension import dimensions, median
from pytest_matalign.study.measures.graded import curve, grades, remoteness, response
from pytest_matalign.study.measures.modality import across_families, cross_modality
from pytest_matalign.study.measures.selection import measured_cost, most_distinct, stand_ins
from pytest_matalign.study.measures.sensitivity import survivors, vary
from pytest_matalign.zoo.catalogue import card, cards

SPEC = metric_spec("cknna")


@pytest.fixture(scope="module")
def planted():
    return planted_families(160, seed=4)


@pytest.fixture(scope="module")
def table(planted):
    return pair_table(planted.embeddings, SPEC, split="planted")


def test_stand_ins_are_aligned_and_ordered_by_cost(table):
    """The relatives stand in, the random control never does, cheap comes first."""
    cost = {"south-small": 0.01, "north-small": 0.02, "south-large": 0.5}
    found = stand_ins(table, "north-large", cost, margin=0.1)
    assert list(found)[:3] == ["south-small", "north-small", "south-large"]
    assert "random" not in found


def test_a_wider_margin_never_loses_a_stand_in(table):
    """Margins are nested."""
    narrow, wide = (
        set(stand_ins(table, "north-large", {}, margin=margin)) for margin in (0.02, 0.4)
    )
    assert narrow < wide


def test_distinct_models_come_from_different_families(table, planted):
    """Two relatives are never both among the most distinct three."""
    trained = table.only([m for m in table.models if planted.facts[m].pretrained])
    chosen = most_distinct(trained, 3)
    assert len({planted.facts[m].family for m in chosen}) == 3
    assert most_distinct(trained, 2, start="north-large")[0] == "north-large"


@pytest.mark.parametrize("count", [1, 99])
def test_impossible_ensembles_are_refused(table, count):
    """Two to all."""
    with pytest.raises(MetricInputError, match="ask for 2"):
        most_distinct(table, count)


def test_unknown_target_and_negative_margin_are_refused(table):
    """The message names what there is."""
    with pytest.raises(MetricInputError, match="north-large"):
        stand_ins(table, "nobody", {}, margin=0.1)
    with pytest.raises(MetricInputError, match="margin"):
        stand_ins(table, "north-large", {}, margin=-1)


def test_cost_is_measured_per_sample():
    """A control embeds a molecule in well under a second, and not in no time."""
    samples = load_split("qm9", samples=10).samples
    assert 0 < measured_cost(load(card("composition")), samples) < 1


def test_variations_tell_what_survives(planted):
    """A sound conclusion holds everywhere, an absurd one nowhere; unusable settings say why."""
    models = list(planted.embeddings)
    a, b, r = (models.index(m) for m in ("north-large", "south-large", "random"))
    found = vary(
        planted.embeddings,
        SPEC,
        [("sound", lambda v: v[a, b] > v[a, r]), ("absurd", lambda v: v[a, r] > v[a, b])],
        ks=(5, 50, 500),
        sizes=(100,),
    )
    held = survivors(found)
    assert held["sound"][0] == held["sound"][1]
    assert held["absurd"][0] == 0
    assert [one.setting for one in found if one.choice == "k"] == ["5", "50"]
    unusable = [one for one in found if one.refused]
    assert all(one.setting == "max" for one in unusable)
    same = next(one for one in found if one.setting == "center-l2")
    assert same.order_kept == pytest.approx(1.0)


def test_alignment_rises_with_k(planted):
    """As in the paper's figure A1."""
    found = vary(planted.embeddings, SPEC, [("any", lambda v: v.ndim == 2)], ks=(2, 10, 50))
    means = [one.mean for one in found if one.choice == "k"]
    assert means == sorted(means)


def test_curve_is_paired_and_starts_at_no_change(planted):
    """Noise grows from level to level: alignment falls, the first change is exactly nothing."""
    rng = np.random.default_rng(0)
    pairs = [("north-large", "south-large")]
    levels = {
        level: pair_table(
            {
                m: planted.embeddings[m] + level * rng.normal(size=(160, 64))
                for p in pairs
                for m in p
            },
            SPEC,
            split="s",
        )
        for level in (0.0, 0.2, 0.5)
    }
    steps = curve(levels, pairs, kind="noise")
    assert steps[0].change.value == steps[0].change.low == steps[0].change.high == 0.0
    assert steps[1].change.high < 0
    assert steps[2].change.value < steps[1].change.value


def test_levels_of_different_size_are_refused(planted, table):
    """Neighbour metrics at different n are no curve."""
    other = pair_table({m: x[:120] for m, x in planted.embeddings.items()}, SPEC, split="s")
    with pytest.raises(MetricInputError, match="same at each"):
        curve({0.0: table, 1.0: other}, [("random", "size")], kind="noise")


def test_response_is_zero_for_the_blind_and_one_for_the_unrecognisable():
    """Composition does not move when atoms do; fresh noise is as far as any sample."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 10))
    assert response(x, x).value == 0.0
    assert response(x, rng.normal(size=(500, 10))).value == pytest.approx(1.0, rel=0.1)
    with pytest.raises(MetricInputError, match="same samples"):
        response(x, x[:10])


def test_the_odd_one_out_is_the_remotest():
    """Distance to a set of samples, itself not counted."""
    x = np.vstack([np.random.default_rng(0).normal(size=(50, 3)), [[9.0, 9.0, 9.0]]])
    distance = remoteness(x, np.arange(50), k=5)
    assert distance.argmax() == 50
    assert (distance > 0).all()
    with pytest.raises(MetricInputError, match="too few"):
        remoteness(x, np.arange(5), k=5)


def test_grades_are_ordered_disjoint_and_of_one_size():
    """Nearest first; eleven samples make three grades of three."""
    distance = np.random.default_rng(0).permutation(11).astype(float)
    found = grades(distance, 3)
    assert [len(rows) for rows in found] == [3, 3, 3]
    assert len(np.unique(np.concatenate(found))) == 9
    assert distance[found[0]].max() < distance[found[1]].min()
    assert distance[found[1]].max() < distance[found[2]].min()


def test_dimension_of_planted_latents_and_of_noise():
    """A plane in space has two dimensions, random features more than any of them."""
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 20))
    found = dimensions({"plane": plane, "noise": rng.normal(size=(400, 20))})
    assert found["plane"].low < 2 < found["plane"].high
    assert found["noise"].low > found["plane"].high
    assert median([found["plane"]]) == found["plane"]


def test_cross_modality_leaves_relatives_and_controls_out():
    """Only pairs of pretrained models of different families count."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(100, 4))
    kinds = {"s1": ("fs", "string"), "a1": ("fa", "3d"), "a2": ("fa", "3d"), "b1": ("fb", "3d")}
    facts = {
        m: ModelFacts(id=m, family=f, corpus="c", modality=k, kind="vanilla")
        for m, (f, k) in kinds.items()
    }
    facts["random"] = ModelFacts(
        id="random",
        family="control",
        corpus="none",
        modality="3d",
        kind="vanilla",
        control="random",
    )
    views = {m: z + 0.1 * rng.normal(size=(100, 4)) for m in facts}
    table = pair_table(views, SPEC, split="s")
    assert across_families(table.models, facts) == [
        ("s1", "a1"),
        ("s1", "a2"),
        ("s1", "b1"),
        ("a1", "b1"),
        ("a2", "b1"),
    ]
    found = {(one.a, one.b): one for one in cross_modality(table, facts, partial=table)}
    assert {key: one.pairs for key, one in found.items()} == {("3d", "3d"): 2, ("3d", "string"): 3}
    assert found["3d", "3d"].raw == found["3d", "3d"].partial


def test_facts_are_read_off_every_card():
    """Controls are controls, and a corpus is named where there is one."""
    facts = {model: facts_of(one) for model, one in cards().items()}
    assert facts["composition"].control == "composition"
    assert not facts["composition"].pretrained
    assert facts["chgnet-0.3.0"].corpus == "MPtrj"
