"""The gate on real models of the bundled packs: what harms fails and is named, what helps passes.

The bank (`benchmarks/gate_bank.py`) measures how often; these are the cases the old gate missed.
"""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign import load_split
from pytest_matalign.analysis.sample_groups import numeric_labels, sample_groups
from pytest_matalign.analysis.shared import Reference
from pytest_matalign.embeddings.pack import bundled_pack
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.mutants.rows import mutants, shuffled_within, swapped
from pytest_matalign.verdicts.gate.coverage import coverage
from pytest_matalign.verdicts.gate.judge import Court, judge
from pytest_matalign.verdicts.gate.structure import shared_loss
from pytest_matalign.zoo.adapters.composition import fractions
from pytest_matalign.zoo.adapters.size import bumps

BY_NAME = {mutant.name: mutant for mutant in mutants()}
HARMLESS = [mutant.name for mutant in mutants() if mutant.right == "pass"]
HARMFUL = [mutant.name for mutant in mutants() if mutant.right == "fail"]


class Ground:
    def __init__(self):
        split = load_split("mp-crystals", samples=150)
        pack = bundled_pack()
        self.rows = {
            model: pack.embedding(model, split).vectors.astype(float)
            for held, model in pack
            if held == "mp-crystals"
        }
        self.court = Court(
            ids=split.ids,
            references=tuple(
                Reference(model=m, family=m.split("-")[0], corpus="", rows=self.rows[m])
                for m in ("diep-fold1", "sevennet-0", "sevennet-l3i5")
            ),
            covariates=(
                np.array([fractions(s) for s in split.samples]),
                np.array([bumps(s) for s in split.samples]),
            ),
            groups=sample_groups(split.samples),
            labels=numeric_labels(split.samples),
        )
        self.baseline = self.court.prepare(self.rows["chgnet-0.3.0"])

    def judge(self, rows, **options):
        return judge(self.court.prepare(rows), self.baseline, **options)


@pytest.fixture(scope="module")
def ground():
    return Ground()


@pytest.mark.parametrize("mode", ["retrained", "same"])
@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_changes_pass(ground, name, mode):
    rows = BY_NAME[name].change(ground.rows["chgnet-0.3.0"], np.random.default_rng(0))
    assert ground.judge(rows, mode=mode).verdict == "passed"


@pytest.mark.parametrize("name", HARMFUL)
def test_harmful_changes_fail_in_either_mode(ground, name):
    rows = BY_NAME[name].change(ground.rows["chgnet-0.3.0"], np.random.default_rng(0))
    assert ground.judge(rows).fails
    assert ground.judge(rows, mode="same").fails


def test_an_untrained_network_is_no_release(ground):
    assert ground.judge(ground.rows["chgnet-untrained"]).verdict == "regressed"


@pytest.mark.parametrize("control", [0, 1], ids=["composition", "size"])
def test_a_control_is_no_release(ground, control):
    assert ground.judge(ground.court.covariates[control]).fails


def test_real_releases_do_not_fail(ground):
    """0.2.0 to 0.3.0 cost 29 failures under the rule before."""
    old = ground.court.prepare(ground.rows["chgnet-0.2.0"])
    assert not judge(ground.baseline, old).fails
    assert not ground.judge(ground.rows["chgnet-r2scan"]).fails


def test_swapped_samples_are_named(ground):
    x = ground.rows["chgnet-0.3.0"]
    rows = swapped(x, np.random.default_rng(5), share=0.02)
    guilty = {ground.court.ids[i] for i in np.flatnonzero((rows != x).any(axis=1))}
    found = ground.judge(rows)
    assert set(found.samples) == guilty
    assert "3 of 150" in found.why


def test_a_lost_element_is_named_in_a_retrained_model(ground):
    """The rows of a real sibling, in which oxygen's samples have lost their places."""
    members = ground.court.groups["O"]
    rows = shuffled_within(ground.rows["chgnet-r2scan"], np.random.default_rng(0), members=members)
    found = ground.judge(rows)
    assert found.verdict == "regressed"
    assert "O" in found.groups
    assert set(found.samples) <= {ground.court.ids[i] for i in members}


def test_refusing_samples_fails_however_good_the_rest(ground):
    kept = np.setdiff1d(np.arange(150), ground.court.groups["O"])
    court = ground.court.cut(kept)
    same = court.prepare(ground.rows["chgnet-0.3.0"][kept])
    found = coverage(
        accepted=court.ids,
        baseline=ground.court.ids,
        reasons={ground.court.ids[ground.court.groups["O"][0]]: "has element O"},
    )
    judged = judge(same, same, covered=found)
    assert judged.verdict == "failed"
    assert "has element O" in judged.why
    assert judged.samples[0] == ground.court.ids[ground.court.groups["O"][0]]


def test_accepting_more_samples_passes():
    found = coverage(accepted=["a", "b", "c"], baseline=["a", "b"])
    assert (found.verdict, found.figures["gained"]) == ("passed", 1)


def test_losses_within_the_spread_of_registered_seeds_are_accepted(ground):
    """A host whose own seeds differ by as much is not told that a new seed lost structure."""
    noisy = BY_NAME["noise of 20 % of the spread"].change
    noise = [noisy(ground.rows["chgnet-0.3.0"], np.random.default_rng(s)) for s in range(3)]
    drawn = np.random.default_rng(9).normal(size=noise[0].shape) * noise[0].std(axis=0)
    candidate, *seeds = [ground.court.prepare(rows + 0.6 * drawn) for rows in noise]
    (new, _), (old, _) = candidate.shared, ground.baseline.shared
    chance, _ = ground.baseline.chance
    values = [old.value, *(seed.shared[0].value for seed in seeds)]
    alone = shared_loss(new, old, chance=chance, tests=1)
    banded = shared_loss(new, old, chance=chance, tests=1, band=max(values) - min(values))
    assert alone.state == "fell"
    assert banded.state in {"kept", "unsure"}
    why = {f.check: f.why for f in judge(candidate, ground.baseline, seeds=seeds).findings}
    assert "cknna changed" in why["structure"]


def test_too_few_samples_are_refused_in_one_sentence(ground):
    with pytest.raises(ConfigurationError, match="30 samples"):
        ground.court.cut(np.arange(30))
