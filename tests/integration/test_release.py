"""The release gate: a candidate against its baseline, from first run to regression."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from hosts import MINI, Host

pytestmark = pytest.mark.slow

MODEL = """
import numpy as np

NOISE = {noise}

def make():
    def embed(structures):
        rows = np.array([[len(a), a.numbers.sum(), 9 * a.positions.std()] for a in structures])
        seeds = [int(a.positions.sum() * 1e6) % 2**32 for a in structures]
        noise = np.array([np.random.default_rng(seed).normal(size=3) for seed in seeds])
        return rows + NOISE * noise * [1, 9, 1]
    return embed
"""


@pytest.fixture
def team(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host with a model of its own, on a person's machine."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("sys.path", list(sys.path))
    release(host, noise=0.0)
    configured(host)
    return host


def release(host: Host, *, noise: float) -> None:
    """Change the model."""
    sys.modules.pop("team_model", None)
    (host.path / "team_model.py").write_text(MODEL.format(noise=noise))


def configured(host: Host, table: str = "") -> None:
    host.configure(f'candidate = "team_model:make"\nname = "team"\ninput = "atoms"\n{table}')


def run(host: Host, *arguments: str) -> tuple[pytest.RunResult, dict[str, Any]]:
    sys.modules.pop("team_model", None)
    result = host.run("--matalign-json", "card.json", *arguments)
    return result, json.loads((host.path / "card.json").read_text())


def verdicts(card: dict[str, Any]) -> set[str]:
    return {record["verdict"] for record in card["alignments"]}


def test_from_no_baseline_to_unchanged_to_regressed_to_accepted(team: Host) -> None:
    """The life of a baseline, with its embeddings kept."""
    result, card = run(team)
    assert result.ret == pytest.ExitCode.TESTS_FAILED, "nothing was judged"
    assert verdicts(card) == {"no-baseline"}
    assert [gate["id"] for gate in card["gates"]] == ["candidate-judged"]

    result, card = run(team, "--matalign-update=all")
    result.stdout.fnmatch_lines(["baseline *: 6 new, 0 replaced, 0 kept; embeddings of qm9"])

    result, card = run(team)
    assert result.ret == pytest.ExitCode.OK
    assert verdicts(card) == {"unchanged"}
    assert all(r["baseline"]["difference"] == 0 for r in card["alignments"])
    assert card["embeddings"][0]["drift"]["overlap"] == 1

    release(team, noise=1.5)
    result, card = run(team)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "regressed" in verdicts(card)
    assert all(r["baseline"]["paired"] for r in card["alignments"])
    drift = card["embeddings"][0]["drift"]
    assert len(drift["moved"]) == 10
    assert drift["moved"][0]["overlap"] <= drift["moved"][-1]["overlap"] < 1
    result.stdout.fnmatch_lines(
        ["*nearest neighbours kept; moved*", "*from the baseline's*tolerated*"]
    )

    run(team, "--matalign-update=regressed")
    result, card = run(team)
    assert result.ret == pytest.ExitCode.OK
    assert verdicts(card) == {"unchanged"}


def test_values_alone_serve_as_a_baseline(team: Host) -> None:
    """Without embeddings differences are not paired, and nothing else is committed."""
    configured(team, 'baseline_embeddings = "none"\nbaseline = "ci/base.json"')
    run(team, "--matalign-update=all")
    assert [path.name for path in (team.path / "ci").iterdir()] == ["base.json"]
    _, card = run(team)
    assert {r["baseline"]["paired"] for r in card["alignments"]} == {False}
    assert verdicts(card) <= {"unchanged", "undecided"}
    _, card = run(team, "--matalign-samples", "40")
    assert verdicts(card) == {"not-comparable"}


def test_updates_are_refused_in_ci(team: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A regression would otherwise accept itself; forcing is possible and explicit."""
    monkeypatch.setenv("CI", "true")
    result = team.run("--matalign-update=all")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*would accept itself*--matalign-update-in-ci*"])
    assert not (team.path / "matalign-baseline.json").exists()
    run(team, "--matalign-update=all", "--matalign-update-in-ci", "-k", "cknna or embedding")
    assert (team.path / "matalign-baseline.json").exists()


def test_stale_rows_are_reported_and_dropped_only_by_an_update(team: Host) -> None:
    """A suite that no longer asks for a model leaves its rows behind."""
    run(team, "--matalign-update=all")
    team.suite(MINI.replace('"composition", "size", "random"', '"composition", "size"'))
    result, card = run(team)
    assert {row["reference"] for row in card["stale"]} == {"random"}
    result.stdout.fnmatch_lines(["*2 rows of the baseline are stale (qm9/random)*"])
    result, _ = run(team, "--matalign-update=new")
    result.stdout.fnmatch_lines(["baseline *: 0 new, 0 replaced, 6 kept*"])
    result, _ = run(team, "--matalign-update=all")
    result.stdout.fnmatch_lines(["baseline *: 0 new, 4 replaced, 0 kept, 2 stale rows dropped*"])


def test_serial_parallel_and_gate_give_the_same_scorecard(team: Host) -> None:
    """Bit-identical apart from `run`, with a baseline, expectations, bands and gates."""
    team.expect(
        """
        [[expectation]]
        id = "above-random"
        metric = "cknna"
        between = [["team"], ["composition"]]
        above = "random"
        source = "chosen"
        [[expectation]]
        id = "closer"
        metric = "cknna"
        between = [["team"], ["size"]]
        closer_than = "random"
        source = "chosen"
        [[dimension]]
        id = "band"
        models = ["candidate"]
        at_most = 40
        source = "chosen"
        [[gate]]
        id = "mean"
        kind = "mean-alignment"
        at_least = 0.9
        """
    )
    run(team, "--matalign-update=all")
    release(team, noise=0.6)
    cards = []
    for name, command in {
        "serial": ["-m", "pytest", "--matalign"],
        "parallel": ["-m", "pytest", "--matalign", "-n", "2"],
        "gate": ["-m", "pytest_matalign", "gate"],
    }.items():
        prefix = "--" if name == "gate" else "--matalign-"
        arguments = [f"{prefix}json", f"{name}.json", f"{prefix}store", name]
        result = team.pytester.run(sys.executable, *command, *arguments)
        assert result.ret == 1
        card = json.loads((team.path / f"{name}.json").read_text())
        card.pop("run")
        cards.append(card)
    assert cards[0] == cards[1]
    assert cards[0] == cards[2]
    assert [gate["verdict"] for gate in cards[0]["gates"]] == ["failed"]
    outcomes = {o["id"] for r in cards[0]["alignments"] for o in r["expectations"]}
    assert outcomes == {"above-random", "closer"}


def test_a_forged_baseline_pack_is_refused(team: Host) -> None:
    """The embeddings of a baseline are read like any pack."""
    run(team, "--matalign-update=all")
    file = team.path / "matalign-baseline" / "qm9" / "baseline.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    result = team.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*baseline.safetensors is refused: its sha256*"])


def test_a_faulty_baseline_file_is_a_usage_error(team: Host) -> None:
    """Before anything runs."""
    Path(team.path / "matalign-baseline.json").write_text("{")
    result = team.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*matalign-baseline.json is not a baseline*"])
