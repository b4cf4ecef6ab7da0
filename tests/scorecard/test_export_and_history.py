"""A scorecard on a hub's model page, in trackers, behind a badge, and over releases."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from hosts import MINI
from pytest_matalign.cli.main import main
from pytest_matalign.scorecard.export import means, scalars
from pytest_matalign.scorecard.history import history
from pytest_matalign.scorecard.model import Scorecard, read_scorecard

yaml = pytest.importorskip("yaml")
SUITE = MINI.replace('"composition", "size", "random"', '"morgan", "rdkit-descriptors"')
FACTORY = """
import numpy as np

def of(width):
    def embed(smiles):
        return np.array([[one.count(a) for a in "CNOFcno=#(1"[:width]] for one in smiles], float)
    embed.digest = f"letters {width}"
    return embed

def few():
    return of(3)

def many():
    return of(11)
"""


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases of one model, each with its scorecard; references count as pretrained."""
    import os

    folder = tmp_path_factory.mktemp("releases")
    (folder / "letters_model.py").write_text(FACTORY)
    (folder / "mini").mkdir()
    (folder / "mini/suite.toml").write_text(SUITE)
    (folder / "pyproject.toml").write_text('[tool.matalign]\ninput = "smiles"\nname = "letters"\n')
    before = Path.cwd()
    os.chdir(folder)
    try:
        for name in ("few", "many"):
            words = ["gate", "--suite", "mini", "--candidate", f"letters_model:{name}"]
            assert main([*words, "--store", "store", "--json", f"{name}.json", "-q"]) in (0, 1)
            card = json.loads((folder / f"{name}.json").read_text())
            for model in card["models"]:
                model["role"] = "pretrained"
            (folder / f"{name}.json").write_text(json.dumps(card))
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def card(releases: Path) -> Scorecard:
    return read_scorecard(releases / "few.json")


def test_the_hub_s_own_parser_reads_its_file(releases: Path, tmp_path: Path) -> None:
    """A value with its interval and the pinned dataset per split and metric."""
    target = tmp_path / "matalign.yaml"
    words = ["scorecard", "export", "hf", str(releases / "few.json"), "-o", str(target)]
    pinned = ["--dataset", "org/bench", "--revision", "a" * 40, "--source", "https://x/y"]
    assert main([*words, *pinned]) == 0
    entries = yaml.safe_load(target.read_text())
    assert [one["dataset"]["task_id"] for one in entries] == [
        "qm9-cknna",
        "qm9-distance_correlation",
    ]
    assert entries[0]["dataset"] == {
        "id": "org/bench", "task_id": "qm9-cknna", "revision": "a" * 40,
    }  # fmt: skip
    assert re.search(r"2 references, 95 % interval 0\.\d+ to 0\.\d+, n = 60, k = 5",
                     entries[0]["notes"])  # fmt: skip
    hub = pytest.importorskip("huggingface_hub")
    if not hasattr(hub, "parse_eval_result_entries"):
        pytest.skip("huggingface_hub is older than .eval_results")
    parsed = hub.parse_eval_result_entries(entries)
    assert parsed[0].value == entries[0]["value"]
    assert parsed[0].dataset_revision == "a" * 40
    assert hub.eval_result_entries_to_yaml(parsed) == entries


def test_nothing_but_controls_is_no_result(
    releases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty file would be taken for one."""
    card = json.loads((releases / "few.json").read_text())
    for model in card["models"]:
        model["role"] = "control"
    (tmp_path / "c.json").write_text(json.dumps(card))
    words = ["scorecard", "export", "hf", str(tmp_path / "c.json"), "--dataset", "a/b"]
    assert main(words) == 2
    assert "with no reference but controls" in capsys.readouterr().err


def test_a_dataset_is_asked_for(releases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scorecard", "export", "hf", str(releases / "few.json")]) == 2
    assert "--dataset" in capsys.readouterr().err


def test_the_badge_s_endpoint_says_what_the_badge_says(
    releases: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scorecard", "export", "badge", str(releases / "few.json")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"schemaVersion", "label", "message", "color"}
    assert main(["scorecard", "badge", str(releases / "few.json")]) == 0
    assert told["message"] in capsys.readouterr().out


def test_numbers_are_means_over_references(card: Scorecard) -> None:
    """With their ends, under names that trackers take."""
    (first, *_) = means(card)
    values = [
        record.alignment.value
        for record in card.alignments
        if record.alignment and record.metric == "cknna" and card.candidate in (record.a, record.b)
    ]
    assert first.value == pytest.approx(sum(values) / len(values))
    found = scalars(card)
    assert found["mini/qm9/cknna_low"] < found["mini/qm9/cknna"] < found["mini/qm9/cknna_high"]
    assert all(re.fullmatch(r"[\w\-. /]+", name) for name in found)


def test_mlflow_keeps_numbers_and_the_scorecard(
    releases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, card: Scorecard
) -> None:
    """In its local store, read again by its own client."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    words = ["scorecard", "export", "mlflow", str(releases / "few.json"), "--project", "p"]
    assert main(words) == 0
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("p")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.data.metrics == pytest.approx(scalars(card))
    assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["few.json"]


def test_wandb_keeps_numbers_and_the_scorecard(
    releases: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """In its offline files, which `wandb sync` would send."""
    pytest.importorskip("wandb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert main(["scorecard", "export", "wandb", str(releases / "few.json")]) == 0
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))
    assert "mini/qm9/cknna_low" in capfd.readouterr().err


def test_a_tracker_that_is_not_installed_is_named(
    releases: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "wandb", None)
    assert main(["scorecard", "export", "wandb", str(releases / "few.json")]) == 2
    assert "wandb is not installed; pip install wandb." in capsys.readouterr().err


def test_history_is_a_table_and_a_page(
    releases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Releases by their files' names, in the order given."""
    files = [str(releases / f"{name}.json") for name in ("few", "many")]
    assert main(["scorecard", "history", *files, "--html", str(tmp_path / "h.html")]) == 0
    told = capsys.readouterr().out
    assert re.search(r"few +many\n", told)
    assert re.search(r"cknna on qm9, mean over 2 references, n = 60, k = 5 +0\.\d+ +0\.\d+", told)
    page = (tmp_path / "h.html").read_text()
    drawings = re.findall(r"<svg.*?</svg>", page)
    assert len(drawings) == 2
    for drawing in drawings:
        root = ET.fromstring(drawing)  # noqa: S314  our own page
        assert len(list(root.iter("circle"))) == 2


def test_means_over_other_references_are_not_joined(releases: Path) -> None:
    """A reference that one release lacks, or had on other samples, is left out of both."""
    cards = {name: read_scorecard(releases / f"{name}.json") for name in ("few", "many")}
    import msgspec

    fewer = [one for one in cards["many"].alignments if "morgan" not in (one.a, one.b)]
    cards["many"] = msgspec.structs.replace(cards["many"], alignments=tuple(fewer))
    found = history(cards)
    assert [series.title.count("mean over 1 references") for series in found] == [1, 1]
    smaller = tuple(
        msgspec.structs.replace(one, alignment=msgspec.structs.replace(one.alignment, n=59))
        for one in fewer
        if one.alignment
    )
    cards["many"] = msgspec.structs.replace(cards["many"], alignments=smaller)
    assert history(cards) == []


def test_one_release_is_no_history(releases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scorecard", "history", str(releases / "few.json")]) == 2
    assert "at least two runs" in capsys.readouterr().err
