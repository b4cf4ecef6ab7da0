"""A run in which the candidate was measured in no alignment fails, always, with one sentence."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from hosts import Host

REFUSING = """
import numpy as np

def make():
    def embed(structures):
        return np.ones((len(structures), 2))
    embed.refuse = lambda structure: "too hard for me"
    return embed
"""
SKIPPING = """
import pytest

def make():
    return lambda structures: pytest.skip("too hard for me")
"""
LEAVING = "import sys\n\ndef make():\n    sys.exit(0)\n"
FAILED = "FAILED matalign/run::gate[[]candidate-measured[]] - *"


def with_candidate(host: Host, code: str, name: str) -> None:
    (host.path / f"{name}.py").write_text(code)
    host.configure(f'candidate = "{name}:make"\nname = "team"\ninput = "atoms"')


def test_a_candidate_that_refuses_everything(host: Host) -> None:
    """The reason it gave is told, and the scorecard has it too."""
    with_candidate(host, REFUSING, "refusing_model")
    result = host.run("--matalign-json", "card.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([FAILED])
    (gate,) = json.loads((host.path / "card.json").read_text())["gates"]
    assert gate["verdict"] == "failed"
    assert gate["reason"].startswith("team was measured in no alignment of this run")
    assert "too hard for me" in gate["reason"]


def test_a_file_without_the_split(host: Host) -> None:
    """Every pair is skipped, which is no success."""
    np.savez(host.path / "mine.npz", **{"x.ids": np.array(["a"]), "x.vectors": np.ones((1, 2))})
    result = host.run("--matalign-candidate", "mine.npz")
    result.assert_outcomes(passed=3, skipped=7, failed=1)
    result.stdout.fnmatch_lines([FAILED])


def test_a_candidate_that_has_its_checks_skipped(host: Host) -> None:
    """`pytest.skip` in a host's code is an error of its model, in one sentence."""
    with_candidate(host, SKIPPING, "skipping_model")
    result = host.run("--matalign-json", "card.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    own = json.loads((host.path / "card.json").read_text())["embeddings"][0]
    assert own["verdict"] == "error"
    assert own["reason"].startswith("model 'team' raised Skipped, which would have ended its check")


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_factory_that_leaves(host: Host, workers: str) -> None:
    """`sys.exit(0)` in a host's code must not end a run as a success."""
    with_candidate(host, LEAVING, "leaving_model")
    result = host.pytester.runpytest_subprocess("--matalign", "-n", workers)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.slow
def test_the_command_fails_alike(host: Host) -> None:
    """`matalign gate` ends with 1."""
    command = [sys.executable, "-m", "pytest_matalign", "gate"]
    for code, name in ((REFUSING, "refusing_model"), (LEAVING, "leaving_model")):
        with_candidate(host, code, name)
        assert host.pytester.run(*command).ret == 1


def test_a_selection_without_the_candidate_s_pairs_fails(host: Host) -> None:
    """`-k` may not turn a gate into nothing."""
    result = host.run("--matalign-candidate", "size", "-k", "test_embedding")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([FAILED])


def test_without_a_candidate_nothing_is_demanded(host: Host) -> None:
    """References alone may be looked at in part."""
    host.run("-k", "test_embedding").assert_outcomes(passed=3, deselected=6)


def test_collecting_demands_nothing(host: Host) -> None:
    """Nothing was run."""
    result = host.run("--matalign-candidate", "size", "--collect-only", "-q")
    assert result.ret == pytest.ExitCode.OK
    assert not Path(host.path / "card.json").exists()
