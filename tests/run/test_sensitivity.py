"""`matalign sensitivity`: the gate on known changes of one's own model, from rows at hand."""

from __future__ import annotations

import pytest

from pytest_matalign.cli.main import main

SUITE = """
name = "mini"
title = "Potentials on crystals"
version = 1
models = ["diep-fold1", "sevennet-0", "chgnet-0.3.0"]
[[split]]
id = "mp-crystals"
samples = 80
[[metric]]
name = "cknna"
"""


@pytest.fixture
def host(tmp_path, monkeypatch):
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini" / "suite.toml").write_text(SUITE)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.matalign]\nsuites = ["mini"]\nreferences = "packs"\nstore = "store"\n'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(text: str) -> dict[str, list[str]]:
    """Cells of the table by the change they are of."""
    lines = [line for line in text.splitlines() if "  " in line and not line.startswith(" ")]
    return {cells[0]: cells[1:] for cells in ([c for c in line.split("  ") if c] for line in lines)}


def test_every_change_has_its_verdict(host, capsys):
    assert main(["sensitivity", "--candidate", "chgnet-0.3.0"]) == 0
    text = capsys.readouterr().out
    table = {change: [cell.strip() for cell in cells] for change, cells in rows(text).items()}
    assert table["identical rows"] == ["pass", "passed"]
    assert table["5 % of rows swapped"] == ["fail", "regressed"]
    assert table["one group refused"][1].endswith("of 4")
    assert "harmless changes passed (mode retrained): 7 of 7, 0 undecided" in text


def test_the_mode_is_the_host_s(host, capsys):
    """In mode `same` noise is no retraining."""
    with (host / "pyproject.toml").open("a") as file:
        file.write('mode = "same"\n')
    assert main(["sensitivity", "--candidate", "chgnet-0.3.0"]) == 0
    text = capsys.readouterr().out
    assert "harmful changes caught (mode same): 31 of 31, 0 undecided" in text


def test_without_a_candidate_or_a_judge_it_says_so(host, capsys):
    assert main(["sensitivity"]) != 0
    assert "there is no candidate to change" in capsys.readouterr().err
    assert main(["sensitivity", "--candidate", "chgnet-0.3.0", "--models", "chgnet-*"]) != 0
    assert "no split judges chgnet-0.3.0" in capsys.readouterr().err
