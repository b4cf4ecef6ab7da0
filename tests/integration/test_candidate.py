"""The model under test comes from the host's own code, a file, the hub or the zoo."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hosts import Host
from pytest_matalign import load_split

pytestmark = pytest.mark.slow

GOOD = """
import numpy as np

def make():
    def embed(structures):
        return np.array([[len(a), a.numbers.sum(), a.positions.std()] for a in structures])
    return embed
"""

EXPECTED = """
[[expectation]]
id = "no-nonsense"
metric = "cknna"
at_most = 1.5
source = "chosen"
"""


def configured(host: Host, code: str, *, table: str = 'input = "atoms"') -> None:
    (host.path / "team_model.py").write_text(code)
    host.configure(f'candidate = "team_model:make"\nname = "team"\n{table}')


@pytest.fixture(autouse=True)
def _fresh_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test writes its own `team_model`."""
    import sys

    monkeypatch.delitem(sys.modules, "team_model", raising=False)
    monkeypatch.setattr("sys.path", list(sys.path))


def test_three_lines_of_configuration_point_at_the_own_model(host: Host) -> None:
    """The factory's model is compared with every model of the suite."""
    configured(host, GOOD)
    host.expect(EXPECTED)
    result = host.run("--matalign-json", "card.json")
    result.assert_outcomes(passed=10)
    scorecard = json.loads((host.path / "card.json").read_text())
    assert scorecard["candidate"] == "team"
    assert {(r["a"], r["b"]) for r in scorecard["alignments"]} == {
        ("team", "composition"),
        ("team", "size"),
        ("team", "random"),
    }


def test_without_a_digest_nothing_is_reused_between_runs(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's code may have changed, so its embedding is computed anew, also where both runs
    were started from inside one worker of another run."""
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "of-the-run-around")
    configured(host, GOOD)
    for _ in range(2):
        host.run("--matalign-json", "card.json")
    run = json.loads((host.path / "card.json").read_text())["run"]
    assert run["embedding_origins"] == {"computed": 1, "store": 3}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("np.ones((len(structures) + 1, 2))", "'team' on split 'qm9' returned 17 rows for 16"),
        ("np.full((len(structures), 2), np.nan)", "returned NaN or infinity in 16 of 16 rows"),
        ("np.ones(len(structures))", r"returned an array of shape (16,)"),
        ("1 / 0", "'team' failed while embedding * ZeroDivisionError: division by zero"),
    ],
)
def test_a_model_that_misbehaves_is_one_error(host: Host, body: str, message: str) -> None:
    """One failing check that says what is wrong; the pairs are skipped, not failed as well."""
    code = GOOD.replace(
        "np.array([[len(a), a.numbers.sum(), a.positions.std()] for a in structures])", body
    )
    configured(host, code)
    result = host.run()
    result.assert_outcomes(passed=3, errors=1, skipped=6, failed=1)
    escaped = message.replace("(", "[(]").replace(")", "[)]") if "[" not in message else message
    result.stdout.fnmatch_lines([f"*{escaped}*"])


def test_a_failing_model_is_an_error_even_when_its_own_check_is_deselected(host: Host) -> None:
    """`-k alignment` must not turn a broken candidate into a green run."""
    configured(host, "def make():\n    return lambda structures: 1 / 0\n")
    result = host.run("-k", "test_alignment")
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("code", "table", "message"),
    [
        ("", 'input = "atoms"', "module 'team_model' has no 'make'"),
        ("import nonexistent_thing", 'input = "atoms"', "cannot be imported (No module named"),
        ("def make(): return 3", 'input = "atoms"', "returned int, which is not callable"),
    ],
)
def test_a_factory_that_cannot_be_used_is_one_error(
    host: Host, code: str, table: str, message: str
) -> None:
    """Told at the candidate's own check."""
    configured(host, code, table=table)
    result = host.run()
    result.assert_outcomes(passed=3, errors=1, skipped=6, failed=1)
    assert message in result.stdout.str()


def test_a_factory_needs_to_say_what_it_reads(host: Host) -> None:
    """`input` is asked for before anything runs."""
    configured(host, GOOD, table="")
    result = host.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*set `input` in [[]tool.matalign[]]*"])


def test_a_file_of_embeddings(host: Host) -> None:
    """Made elsewhere, matched to the split by sample id, in any order."""
    ids = load_split("qm9", samples=60).ids
    vectors = np.random.default_rng(0).normal(size=(60, 4)).astype("f4")
    np.savez(
        host.path / "mine.npz",
        **{"qm9.ids": np.array(ids[::-1]), "qm9.vectors": vectors[::-1]},
    )
    host.expect(EXPECTED)
    host.run("--matalign-candidate", "mine.npz").assert_outcomes(passed=10)


def test_a_file_for_other_samples_is_refused(host: Host) -> None:
    """The ids are shown side by side."""
    np.savez(
        host.path / "mine.npz",
        **{"qm9.ids": np.array(["x", "y"]), "qm9.vectors": np.ones((2, 2), "f4")},
    )
    result = host.run("--matalign-candidate", "mine.npz")
    result.stdout.fnmatch_lines(["*no sample of split 'qm9' in common*look like 'x'*"])


def test_an_absent_file_is_a_usage_error(host: Host) -> None:
    """Before anything runs."""
    result = host.run("--matalign-candidate", "absent.npz")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*absent.npz does not exist*"])


def test_a_zoo_model_as_candidate(host: Host) -> None:
    """It is not compared with itself."""
    host.expect(EXPECTED)
    result = host.run("--matalign-candidate", "size", "--matalign-json", "card.json")
    result.assert_outcomes(passed=7)


def test_a_candidate_that_cannot_be_had_is_an_error(host: Host) -> None:
    """A missing reference is a skip; a missing candidate would gate nothing."""
    host.configure('input = "smiles"')
    result = host.run("--matalign-candidate", f"hf:nobody/nothing@{'a' * 40}", "-k", "embedding")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*the candidate cannot be had: *"])
