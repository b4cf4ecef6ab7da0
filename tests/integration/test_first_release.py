"""A first release is held against its own network untrained, else against shipped ones."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from hosts import Host
from pytest_matalign.embeddings.pack import bundled_pack
from pytest_matalign.splits.load import load_split

SAMPLES = 100
SUITE = f"""
name = "mini"
title = "Two potentials on crystals"
version = 1
models = ["diep-fold1", "sevennet-0"]
[[split]]
id = "mp-crystals"
samples = {SAMPLES}
[[metric]]
name = "cknna"
"""
TABLE = 'name = "team"\nfamily = "team"\nreferences = "packs"\ninput = "atoms"\n'
FACTORY = """
import numpy as np

KNOWN = np.load("known.npz")

def make(untrained=False, seed=0):
    rows = dict(zip(KNOWN["keys"].tolist(), KNOWN["rows"]))
    mix = np.random.default_rng(seed).normal(size=(120, 32))

    def embed(structures):
        if not untrained:
            return np.array([rows[f"{a.positions.sum():.6f}"] for a in structures])
        counts = [np.bincount(a.numbers, minlength=120) / len(a) for a in structures]
        return np.tanh(np.array(counts) @ mix)

    return embed
"""


@pytest.fixture
def team(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr("sys.path", list(sys.path))
    sys.modules.pop("first_model", None)
    host.suite(SUITE)
    return host


def rows_of(host: Host, model: str) -> None:
    """Rows of a model of the packs as the team's: a file, and what its factory knows."""
    split, pack = load_split("mp-crystals", samples=SAMPLES), bundled_pack()
    assert pack is not None
    found = pack.embedding(model, split)
    ids, rows = np.array(found.ids), found.vectors
    np.savez(host.path / "rows.npz", **{"mp-crystals.ids": ids, "mp-crystals.vectors": rows})
    keys = [f"{sample.atoms.positions.sum():.6f}" for sample in split.samples]
    np.savez(host.path / "known.npz", keys=np.array(keys), rows=rows)
    (host.path / "first_model.py").write_text(FACTORY)


def release(host: Host) -> tuple[pytest.RunResult, dict, list[str]]:
    result = host.run("--matalign-json", "card.json")
    card = json.loads((host.path / "card.json").read_text())
    record = next(r for r in card["embeddings"] if r["model"] == "team")
    return result, record["release"], [gate["id"] for gate in card["gates"]]


def test_a_trained_network_above_itself_untrained_passes(team: Host) -> None:
    """The factory takes `untrained` and `seed`: not one line of configuration."""
    rows_of(team, "chgnet-0.3.0")
    team.configure(TABLE + 'candidate = "first_model:make"')
    result, judged, gates = release(team)
    assert result.ret == pytest.ExitCode.OK
    assert judged["verdict"] == "passed"
    assert judged["why"].startswith("is above its own network untrained (4 fresh)")
    assert gates == []
    names = set(judged["standings"][0]["untrained"])
    assert {f"team-fresh-{seed}" for seed in (1, 2, 3, 4)} <= names


def test_one_line_names_the_untrained_network_of_a_file(team: Host) -> None:
    rows_of(team, "chgnet-0.3.0")
    line = 'untrained = "first_model:untrained"\n'
    team.configure(TABLE + 'candidate = "rows.npz"\n' + line)
    with (team.path / "first_model.py").open("a") as file:
        file.write("\ndef untrained(seed):\n    return make(untrained=True, seed=seed)\n")
    result, judged, _ = release(team)
    assert result.ret == pytest.ExitCode.OK
    assert judged["verdict"] == "passed"


@pytest.mark.parametrize("model", ["chgnet-untrained", "sevennet-0-untrained"])
def test_an_untrained_network_is_never_green(team: Host, model: str) -> None:
    """A bare file of its rows: the untrained architectures that are shipped hold it back."""
    rows_of(team, model)
    team.configure(TABLE + 'candidate = "rows.npz"\n')
    result, judged, gates = release(team)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert judged["verdict"] in {"failed", "undecided"}
    assert gates == ([] if judged["verdict"] == "failed" else ["first-release"])


def test_the_rows_of_a_trained_potential_alone_pass_beside_untrained_architectures(
    team: Host,
) -> None:
    """Nobody can make its network, and eight and more of others stand in."""
    rows_of(team, "chgnet-0.3.0")
    team.configure(TABLE + 'candidate = "rows.npz"\n')
    result, judged, _ = release(team)
    assert result.ret == pytest.ExitCode.OK
    assert "untrained architectures" in judged["why"]


def test_accepting_it_as_the_first_baseline_is_a_person_s_act(
    team: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not above untrained networks; the update is green, and the next run has a baseline."""
    monkeypatch.delenv("CI", raising=False)
    rows_of(team, "crystal-twins-barlow")
    team.configure(TABLE + 'candidate = "rows.npz"\n')
    assert release(team)[0].ret == pytest.ExitCode.TESTS_FAILED
    assert team.run("--matalign-update=all").ret == pytest.ExitCode.OK
    result, judged, _ = release(team)
    assert result.ret == pytest.ExitCode.OK
    assert next(finding["check"] for finding in judged["findings"]) == "coverage"


def test_registered_seeds_widen_what_is_accepted(
    team: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their spread is told as the tolerance of the comparison."""
    monkeypatch.delenv("CI", raising=False)
    rows_of(team, "chgnet-0.3.0")
    team.configure(TABLE + 'candidate = "rows.npz"\nseeds = ["seed.npz"]\n')
    np.savez(team.path / "seed.npz", **np.load(team.path / "rows.npz"))
    team.run("--matalign-update=all")
    rows_of(team, "chgnet-0.2.0")
    _, narrow, _ = release(team)
    noisy = dict(np.load(team.path / "seed.npz"))
    vectors = noisy["mp-crystals.vectors"]
    spread = vectors.std(axis=0) * np.random.default_rng(0).normal(size=vectors.shape)
    np.savez(team.path / "seed.npz", **{**noisy, "mp-crystals.vectors": vectors + spread})
    _, wide, _ = release(team)
    checks = [{f["check"]: f["figures"] for f in one["findings"]} for one in (narrow, wide)]
    tolerances = [found["structure"]["cknna_tolerance"] for found in checks]
    assert tolerances[1] > tolerances[0]


def test_a_seed_that_is_absent_is_a_usage_error(team: Host) -> None:
    rows_of(team, "chgnet-0.3.0")
    team.configure(TABLE + 'candidate = "rows.npz"\nseeds = ["nowhere.npz"]\n')
    result = team.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*'nowhere.npz' of `seeds` in * does not exist*"])


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import os; os._exit(0)", "called os._exit"),
        ("def untrained(): raise RuntimeError('no weights')", "no weights"),
        ("", "has no 'untrained'"),
    ],
)
def test_a_named_untrained_network_that_cannot_be_had_fails(
    team: Host, code: str, said: str
) -> None:
    """Not a word of it, and another floor, was what was told before."""
    rows_of(team, "chgnet-0.3.0")
    team.configure(TABLE + 'candidate = "rows.npz"\nuntrained = "odd_untrained:untrained"\n')
    (team.path / "odd_untrained.py").write_text(code)
    sys.modules.pop("odd_untrained", None)
    result, judged, _ = release(team)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert judged["verdict"] == "failed"
    assert "cannot be judged on mp-crystals" in judged["why"]
    assert said in judged["why"]
