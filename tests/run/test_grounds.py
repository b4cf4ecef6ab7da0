"""What a candidate is judged by: references of other families, and covariates a split names."""

from __future__ import annotations

import msgspec
import pytest
from small_run import ALIKE, CARDS, SUITE, SmallRun

from pytest_matalign.verdicts.gate.finding import Finding, judgement


def court(tmp_path, *covariates: str):
    split = msgspec.structs.replace(SUITE.split[0], covariates=covariates)
    run = SmallRun(tmp_path, candidate=ALIKE[0], split=(split,))
    used = [(CARDS[ALIKE[1]], run.measurer.embedding(ALIKE[1], split))]
    return run.grounds.court(split, run.ids, used)


def test_composition_and_size_are_always_projected_out(tmp_path):
    found = court(tmp_path)
    assert len(found.covariates) == 2
    assert found.notes == ()


def test_a_covariate_the_split_names_is_projected_out_too(tmp_path):
    found = court(tmp_path, "mock-different-0")
    assert len(found.covariates) == 3
    assert found.notes == ()


@pytest.mark.parametrize(
    ("covariate", "why"),
    [("mock-failing-0", "mock-failing-0 was not projected out: "),
     ("blind", "blind was not projected out: it refuses 40 of 40 samples.")],
)  # fmt: skip
def test_one_that_cannot_be_had_is_told(tmp_path, covariate, why):
    found = court(tmp_path, covariate)
    assert len(found.covariates) == 2
    (note,) = found.notes
    assert note.startswith(why)


def test_notes_ride_on_the_judgement():
    finding = Finding(check="coverage", verdict="passed", why="all.")
    assert judgement((finding,), notes=("a.",)).notes == ("a.",)
