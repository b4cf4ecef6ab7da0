"""Hooks of a host's own conftest: cards that join, records as they arrive, the scorecard."""

from __future__ import annotations

import json

import pytest

from hosts import DECIDED, Host

pytestmark = pytest.mark.slow

CARD = """
family = "mine"
[[model]]
id = "{id}"
name = "Mine"
modality = "descriptor"
inputs = ["atoms"]
role = "control"
control = "descriptor"
adapter = "pytest_matalign.testing.mocks"
options = {{ behaviour = "good", seed = 1 }}
layer = "a random map"
pooling = "mean over atoms"
"""
CARDS = """
from pathlib import Path
from pytest_matalign.zoo.card_file import parse_cards

HERE = Path(__file__).parent

def pytest_matalign_cards(config):
    yield HERE / "one.toml"
    yield from parse_cards((HERE / "two.toml").read_text(), file="two.toml")
"""
LISTENING = """
from pathlib import Path

HEARD = Path(__file__).with_name("heard.txt")

def say(line):
    with HEARD.open("a") as file:
        print(line, file=file)

def pytest_matalign_record(config, record):
    say(f"{type(record).__name__} {record.split} {record.verdict}")

def pytest_matalign_scorecard(config, scorecard):
    written = Path(config.getoption("matalign_json")).exists()
    say(f"scorecard of {len(scorecard.alignments)} alignments, written: {written}")
"""
WORKERS = pytest.mark.parametrize("workers", ["0", "2"])


def with_cards(host: Host) -> None:
    host.pytester.makeconftest(CARDS)
    for name in ("one", "two"):
        (host.path / f"{name}.toml").write_text(CARD.format(id=f"mine-{name}"))
    suite = host.path / "mini" / "suite.toml"
    text = suite.read_text().replace('"size"', '"mine-one"').replace('"random"', '"mine-two"')
    suite.write_text(text)


@WORKERS
def test_cards_of_a_conftest_join_the_zoo_for_the_run(host: Host, workers: str) -> None:
    """By file or as cards; a suite names them like any other model."""
    with_cards(host)
    result = host.pytester.runpytest_subprocess(
        "--matalign", "-n", workers, "--matalign-json", "card.json"
    )
    result.assert_outcomes(passed=9)
    scorecard = json.loads((host.path / "card.json").read_text())
    found = {model["id"] for model in scorecard["models"]}
    assert found == {"composition", "mine-one", "mine-two"}


def test_such_a_card_may_be_the_candidate(host: Host) -> None:
    """Named by its id."""
    host.expect(DECIDED)
    with_cards(host)
    host.run("--matalign-candidate", "mine-one").assert_outcomes(passed=7)


def test_an_id_of_the_zoo_is_not_taken_twice(host: Host) -> None:
    """One sentence, before anything runs."""
    with_cards(host)
    (host.path / "one.toml").write_text(CARD.format(id="composition"))
    result = host.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*'composition' of a card from pytest_matalign_cards is taken*"])


def test_a_card_file_that_is_not_there_is_one_sentence(host: Host) -> None:
    """With its path."""
    with_cards(host)
    (host.path / "one.toml").unlink()
    result = host.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*one.toml, which pytest_matalign_cards names, cannot be read*"])


@WORKERS
def test_records_are_heard_as_they_arrive_and_the_scorecard_once(host: Host, workers: str) -> None:
    """In the process that reports, whoever made them; the scorecard before it is written."""
    host.pytester.makeconftest(LISTENING)
    result = host.pytester.runpytest_subprocess(
        "--matalign", "-n", workers, "--matalign-json", "card.json"
    )
    result.assert_outcomes(passed=9)
    *records, last = (host.path / "heard.txt").read_text().splitlines()
    assert records.count("EmbeddingRecord qm9 passed") == 3
    assert records.count("AlignmentRecord qm9 no-baseline") == 6
    assert len(records) == 9
    assert last == "scorecard of 6 alignments, written: False"


def test_without_the_option_no_hook_is_called(host: Host) -> None:
    """Installed and not asked for, nothing happens."""
    host.pytester.makeconftest("def pytest_matalign_cards(config):\n    raise RuntimeError")
    host.pytester.makepyfile("def test_own(): pass")
    host.pytester.runpytest_inprocess().assert_outcomes(passed=1)
