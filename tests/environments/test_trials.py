"""Tests are run inside environments, with a pytest that is lent to them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pytest_matalign.cli.main import main
from pytest_matalign.environments.spec import BUNDLED
from pytest_matalign.environments.trials import Trial, try_all
from pytest_matalign.errors import ConfigurationError
from small_environment import link_environment, write_spec

pytestmark = pytest.mark.slow

PUBLISHED = Path(__file__).parents[2] / "benchmarks" / "environments.json"
PASSING = """
import os, sys
from importlib.util import find_spec

def test_the_environment_is_its_own():
    import only_there
    assert os.environ["MATALIGN_TEST_ENVIRONMENT"] == "own"
    assert sys.prefix != sys.base_prefix

def test_pytest_and_what_is_tested_are_lent_and_nothing_else_is():
    from pytest_matalign import load_split
    assert load_split("qm9", samples=1).samples
    assert find_spec("rdkit") and not find_spec("msgpack") and not find_spec("torch")
"""


@pytest.fixture
def tests(nowhere: Path) -> Path:
    """Two tests that pass in the environment `own`, which is built."""
    write_spec(nowhere / "specs", "own")
    link_environment("own")
    path = nowhere / "test_own.py"
    path.write_text(PASSING, "utf-8")
    return path


def tried(tests: Path, *names: str, again: bool = False) -> tuple[list[Trial], list[str]]:
    """What became of environments, and what was said meanwhile."""
    said: list[str] = []
    return list(try_all(names, tests, again=again, told=said.append)), said


def test_what_passed_is_not_run_again_before_something_changes(tests: Path) -> None:
    """Neither the lock nor the package nor the tests."""
    (first,), said = tried(tests, "own")
    assert (first.passed, first.failed, first.skipped, first.faults) == (2, 0, 0, ())
    assert first.packages == 4
    assert first.size > 0
    assert any("running" in one for one in said)
    (second,), said = tried(tests, "own")
    assert second == first
    assert said == ["[1/1] own: passed before, and nothing has changed since"]
    assert any("running" in one for one in tried(tests, "own", again=True)[1])
    tests.write_text(PASSING + "\n\ndef test_more():\n    pass\n", "utf-8")
    (third,), _ = tried(tests, "own")
    assert third.passed == 3


def test_what_failed_or_was_skipped_is_run_again(tests: Path) -> None:
    more = "import pytest\n\ndef test_later():\n    pytest.skip('later')\n"
    tests.write_text(PASSING + more, "utf-8")
    for _ in range(2):
        (found,), said = tried(tests, "own")
        assert (found.passed, found.skipped, found.faults) == (2, 1, ())
        assert any("running" in one for one in said)
    tests.write_text(PASSING + "\ndef test_never():\n    assert not 'never'\n", "utf-8")
    for _ in range(2):
        (found,), said = tried(tests, "own")
        assert (found.passed, found.failed) == (2, 1)
        (fault,) = found.faults
        assert fault.startswith("pytest ended with 1, see ")
        assert any("running" in one for one in said)


def test_an_environment_without_tests_is_at_fault(tests: Path) -> None:
    """What nothing ran in is not known to work."""
    tests.write_text("", "utf-8")
    assert tried(tests, "own")[0][0].faults[0].startswith("pytest ended with 5")


def test_one_that_cannot_be_built_does_not_keep_others_from_it(
    tests: Path, nowhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table has a row for each, the file is JSON, and the exit code is 1."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    write_spec(nowhere / "specs", "absent", lock="no-such-package==1.0\n")
    written = nowhere / "found.json"
    code = main(["env", "test", "absent", "own", "--tests", str(tests), "--json", str(written)])
    assert code == 1
    shown = capsys.readouterr()
    assert "no-such-package" in shown.err
    rows = [line.split() for line in shown.out.splitlines()]
    assert ["absent", *["–"] * 8] in rows
    (row,) = [one for one in rows if one and one[0] == "own"]
    assert row[-7:-4] == ["2", "0", "0"]
    absent, own = msgspec.json.decode(written.read_bytes(), type=list[Trial])
    assert absent.faults
    assert own.passed == 2
    assert main(["env", "test", "own", "--tests", str(tests)]) == 0


def test_without_a_checkout_one_sentence_says_what_to_do(nowhere: Path) -> None:
    with pytest.raises(ConfigurationError, match="call this in a checkout of pytest-matalign"):
        tried(nowhere / "tests", "own")


def test_the_published_table_is_of_every_environment_that_ships() -> None:
    """Built, with tests that passed and none that was skipped."""
    found = msgspec.json.decode(PUBLISHED.read_bytes(), type=list[Trial])
    assert {one.environment for one in found} == {path.stem for path in BUNDLED.glob("*.toml")}
    assert all(one.packages and one.passed and not one.skipped for one in found)
    assert not any(one.failed or one.faults for one in found)
