"""A suite file is data: checked whole, with errors an author can act on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.suites.cases import Case, alignment_cases, concerns, embedding_cases
from pytest_matalign.suites.load import bundled_suites, find_suite, load_suite
from pytest_matalign.suites.schema import Expectation, SuiteMetric, SuiteSplit
from pytest_matalign.zoo.catalogue import cards

SUITE = """
name = "mine"
title = "Mine"
version = 1
models = ["ani-1x", "ani-1ccx", "chgnet-0.3.0"]
controls = ["composition"]
[[split]]
id = "qm9"
[[metric]]
name = "cknna"
k = 10
"""


def written(folder: Path, text: str) -> Path:
    (folder / "suite.toml").write_text(text)
    return folder


@pytest.mark.parametrize("name", sorted(bundled_suites()))
def test_bundled_suites_are_valid_and_name_known_models(name: str) -> None:
    """Every bundled suite loads, and every model in it has a card."""
    suite = load_suite(bundled_suites()[name])
    assert suite.name == name
    assert set(suite.models) | set(suite.controls) <= set(cards())


def test_cases_are_every_pretrained_pair_then_the_controls(tmp_path: Path) -> None:
    """Controls are compared with models, never with each other; ids are unique."""
    cases = alignment_cases(load_suite(written(tmp_path, SUITE)), cards())
    assert [(case.a, case.b, case.pair_class) for case in cases] == [
        ("ani-1x", "ani-1ccx", "same-family"),
        ("ani-1x", "chgnet-0.3.0", "same-modality"),
        ("ani-1ccx", "chgnet-0.3.0", "same-modality"),
        ("ani-1x", "composition", "control"),
        ("ani-1ccx", "composition", "control"),
        ("chgnet-0.3.0", "composition", "control"),
    ]
    assert cases[0].id == "qm9-cknna-ani-1x--ani-1ccx"
    assert len({case.id for case in cases}) == len(cases)


def test_a_candidate_is_compared_with_everything_else_and_nothing_else(tmp_path: Path) -> None:
    """References are not compared among themselves when a candidate is under test."""
    suite = load_suite(written(tmp_path, SUITE))
    cases = alignment_cases(suite, cards(), candidate="ani-1x")
    assert {case.a for case in cases} == {"ani-1x"}
    assert [case.b for case in cases] == ["ani-1ccx", "chgnet-0.3.0", "composition"]
    assert embedding_cases(suite, candidate="ani-1x")[0].model == "ani-1x"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("k = 10", "kk = 10", r"metric\[0\].*unknown field `kk`; valid keys there are name, k"),
        ("version = 1", 'version = "one"', "at version: Expected `int`, got `str`"),
        ("version = 1", "", "missing required field `version`"),
        ("version = 1", "version = ", "Invalid value"),
        ('"composition"', '"ani-1x"', "model 'ani-1x' is listed twice"),
    ],
)
def test_mistakes_are_named_with_their_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    """The file, the key, what is wrong and what would be right."""
    with pytest.raises(ConfigurationError, match=message) as info:
        load_suite(written(tmp_path, SUITE.replace(old, new)))
    assert str(tmp_path / "suite.toml") in str(info.value)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("", "exactly one of at_least and at_most"),
        ("at_least = 0.1\nat_most = 0.2", "exactly one of at_least and at_most"),
        ('at_least = 0.1\nsplits = ["qm8"]', "names split 'qm8'; valid are qm9"),
    ],
)
def test_contradictory_expectations_are_refused(tmp_path: Path, keys: str, message: str) -> None:
    """An expectation has one bound and speaks of splits the suite has."""
    text = f'{SUITE}[[expectation]]\nid = "e"\nmetric = "cknna"\nsource = "chosen"\n{keys}\n'
    with pytest.raises(ConfigurationError, match=message):
        load_suite(written(tmp_path, text))


def test_the_candidate_may_be_selected_as_such() -> None:
    """Whatever its name: a selection that matches nothing would hold nothing."""
    expectation = Expectation(
        id="e", metric="cknna", between=(("candidate",), ("size",)), at_least=0.0, source="s"
    )
    case = Case(
        suite="s",
        a="size",
        b="team",
        split=SuiteSplit(id="qm9"),
        metric=SuiteMetric(name="cknna"),
        pair_class="control",
    )
    assert concerns(expectation, case, candidate="team")
    assert not concerns(expectation, case, candidate="other")
    assert not concerns(expectation, case, candidate=None)


def test_an_unknown_suite_is_told_with_the_valid_names(tmp_path: Path) -> None:
    """Neither a bundled name nor a folder."""
    with pytest.raises(ConfigurationError, match=r"no suite 'moleculs': name one of .*materials"):
        find_suite("moleculs", base=tmp_path)


def test_a_suite_is_found_by_folder_or_file(tmp_path: Path) -> None:
    """Both ways of naming the same suite."""
    written(tmp_path, SUITE)
    assert find_suite(".", base=tmp_path) == find_suite("suite.toml", base=tmp_path)
