"""First releases: above their own network untrained, or not, or not to be told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pytest_matalign.analysis.shared import Reference
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.verdicts.gate.bounds import prediction_limit
from pytest_matalign.verdicts.gate.floor import above_other_untrained, above_own_untrained
from pytest_matalign.verdicts.gate.judge import Court
from pytest_matalign.verdicts.gate.places import standings

N = 160


class Lab:
    """Networks of one architecture: they see composition always, structure once trained."""

    def __init__(self):
        self.rng = np.random.default_rng(0)
        self.composition = self.rng.normal(size=(N, 4))
        self.structure = self.rng.normal(size=(N, 6))
        references = [
            Reference(model=f"r{i}", family=f"f{i}", corpus=f"c{i}", rows=self.network(1.0))
            for i in range(3)
        ]
        self.court = Court(
            ids=tuple(map(str, range(N))),
            references=tuple(references),
            covariates=(self.composition,),
            groups={},
            labels={},
        )

    def network(self, trained):
        turn, other = self.rng.normal(size=(4, 20)), self.rng.normal(size=(6, 20))
        seen = 2 * self.composition @ turn + trained * self.structure @ other
        return seen + self.rng.normal(size=seen.shape)

    def prepared(self, trained):
        return self.court.prepare(self.network(trained))


@pytest.fixture(scope="module")
def lab():
    return Lab()


def test_a_trained_network_is_above_itself_untrained(lab):
    untrained = {"shuffled": [lab.prepared(0.1) for _ in range(4)]}
    assert above_own_untrained(lab.prepared(1.0), untrained).verdict == "passed"


def test_one_more_untrained_seed_does_not_pass(lab):
    """Of ten further seeds at most one passes: the level of the interval is 2.5 % a side."""
    untrained = {"shuffled": [lab.prepared(0.1) for _ in range(5)]}
    found = [above_own_untrained(lab.prepared(0.1), untrained).verdict for _ in range(10)]
    assert found.count("passed") <= 1


def test_a_network_surely_below_fails(lab):
    untrained = {"shuffled": [lab.prepared(0.6) for _ in range(5)]}
    assert above_own_untrained(lab.prepared(0.0), untrained).verdict == "failed"


def test_the_worse_recipe_decides(lab):
    """Above shuffled weights and not above a fresh initialisation is not above."""
    untrained = {
        "shuffled": [lab.prepared(0.0) for _ in range(4)],
        "reset": [lab.prepared(1.0) for _ in range(4)],
    }
    assert above_own_untrained(lab.prepared(1.0), untrained).verdict != "passed"


def test_three_seeds_are_too_few(lab):
    with pytest.raises(ConfigurationError, match="4 or more"):
        above_own_untrained(lab.prepared(1.0), {"shuffled": [lab.prepared(0.1)] * 3})


def beside(lab, candidate, *, trained, count):
    """A candidate against `count` untrained architectures, and what the floor says."""
    others = {f"u{i}": (f"a{i}", lab.prepared(trained)) for i in range(count)}
    return above_other_untrained(candidate, others, standings(candidate, others))


def test_without_the_network_eight_others_stand_in(lab):
    found = beside(lab, lab.prepared(1.0), trained=0.1, count=8)
    assert found.verdict == "passed"
    assert "the best of 8 untrained architectures" in found.why
    assert "from one more" in found.why


def test_being_above_the_best_of_eight_is_not_enough_where_they_differ(lab):
    """The next untrained architecture may be above the best of them, too."""
    others = {f"u{i}": (f"a{i}", lab.prepared(0.08 * i)) for i in range(8)}
    candidate = lab.prepared(0.8)
    found = above_other_untrained(candidate, others, standings(candidate, others))
    assert found.figures["distance_correlation"] > 0
    assert found.verdict == "undecided"


def test_fewer_architectures_let_nobody_pass(lab):
    found = beside(lab, lab.prepared(1.0), trained=0.1, count=7)
    assert found.verdict == "undecided"
    assert "fewer than 8 are too few; it is above" in found.why


def test_one_surely_below_fails_beside_any_number(lab):
    assert beside(lab, lab.prepared(0.0), trained=0.4, count=2).verdict == "failed"


def test_none_at_hand_is_told(lab):
    found = beside(lab, lab.prepared(1.0), trained=0.1, count=0)
    assert found.verdict == "undecided"
    assert "no untrained network of its modality" in found.why


def test_a_split_that_cannot_tell_its_own_references_reports_only(lab):
    """Untrained networks that share as much as references: below them is no failure here."""
    found = beside(lab, lab.prepared(0.0), trained=1.0, count=8)
    assert found.verdict == "undecided"
    assert "references stand above untrained networks here in" in found.why


def test_one_family_of_references_is_too_few(lab):
    court = replace(lab.court, references=lab.court.references[:1])
    prepared = [court.prepare(lab.network(level)) for level in (1.0, 0.1, 0.1, 0.1, 0.1)]
    found = above_own_untrained(prepared[0], {"shuffled": prepared[1:]})
    assert found.verdict == "undecided"
    assert "one family of references" in found.why


def test_one_that_tells_more_of_the_labels_is_not_failed(lab):
    """It shares less with the references than untrained networks do, but it learned something."""
    label = lab.rng.normal(size=N)
    court = replace(lab.court, labels={"y": label + 0.2 * lab.structure[:, 0]})
    learned = np.outer(label, lab.rng.normal(size=20)) + 0.1 * lab.rng.normal(size=(N, 20))
    untrained = {"shuffled": [court.prepare(lab.network(0.6)) for _ in range(5)]}
    assert above_own_untrained(court.prepare(learned), untrained).verdict == "undecided"


def test_prediction_limit_is_that_of_the_t_distribution():
    """Hand calculation: mean 2, sd 1, m = 3, t(2, .95) = 2.920."""
    assert prediction_limit([1.0, 2.0, 3.0]) == pytest.approx(
        2 + 2.91999 * np.sqrt(4 / 3), rel=1e-4
    )
