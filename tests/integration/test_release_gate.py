"""A release is judged as one, against the baseline's rows and real references from packs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from hosts import Host
from pytest_matalign.embeddings.pack import bundled_pack
from pytest_matalign.splits.load import load_split

SAMPLES = 120
SUITE = f"""
name = "mini"
title = "Two potentials and a control on crystals"
version = 1
models = ["diep-fold1", "sevennet-0", "composition"]
[[split]]
id = "mp-crystals"
samples = {SAMPLES}
[[metric]]
name = "cknna"
"""
TABLE = 'candidate = "rows.npz"\nname = "team"\nfamily = "team"\nreferences = "packs"\n'


@pytest.fixture
def team(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A team whose release is CHGNet 0.2.0."""
    monkeypatch.delenv("CI", raising=False)
    host.suite(SUITE)
    host.configure(TABLE)
    release(host, "chgnet-0.2.0")
    host.run("--matalign-update=all")
    return host


def release(host: Host, model: str, *, without: str = "") -> None:
    """Put rows of a model of the bundled packs in the place of the candidate's."""
    split = load_split("mp-crystals", samples=SAMPLES)
    pack = bundled_pack()
    assert pack is not None
    rows = pack.embedding(model, split)
    kept = [i for i, s in enumerate(split.samples) if not without or without not in s.atoms.symbols]
    np.savez(
        host.path / "rows.npz",
        **{
            "mp-crystals.ids": np.array([rows.ids[i] for i in kept]),
            "mp-crystals.vectors": rows.vectors[kept],
        },
    )


def run(host: Host) -> tuple[pytest.RunResult, dict[str, Any], dict[str, Any]]:
    result = host.run("--matalign-json", "card.json")
    card = json.loads((host.path / "card.json").read_text())
    return result, card, next(r for r in card["embeddings"] if r["model"] == "team")


def test_the_same_release_passes(team: Host) -> None:
    result, _, record = run(team)
    assert result.ret == pytest.ExitCode.OK
    assert record["release"]["verdict"] == "passed"
    result.stdout.fnmatch_lines(["team: PASSED. *", "mini/mp-crystals: passed; 120 of 120 samples"])


def test_a_real_release_moves_and_does_not_fail(team: Host) -> None:
    """0.2.0 to 0.3.0: single references, composition among them, no longer fail it."""
    release(team, "chgnet-0.3.0")
    result, card, record = run(team)
    assert result.ret == pytest.ExitCode.OK
    assert record["release"]["verdict"] in {"passed", "moved", "undecided"}
    assert "regressed" not in {r["verdict"] for r in card["alignments"]}


def test_an_untrained_network_fails_with_one_sentence(team: Host) -> None:
    release(team, "chgnet-untrained")
    result, _, record = run(team)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert record["verdict"] == "regressed"
    assert record["reason"].startswith("team agrees with its own baseline")


def test_another_checkpoint_is_not_the_same_model(team: Host) -> None:
    team.configure(TABLE + 'mode = "same"')
    release(team, "chgnet-0.3.0")
    result, _, record = run(team)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "is not the same model" in record["reason"]


def test_declining_an_element_fails_and_names_samples(team: Host) -> None:
    release(team, "chgnet-0.2.0", without="O")
    result, _, record = run(team)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert record["verdict"] == "failed"
    assert record["release"]["samples"]
    assert "samples the baseline accepted" in record["reason"]
