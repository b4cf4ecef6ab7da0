"""`matalign matrix`: every pair of models whose rows exist already."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pytest_matalign import load_split
from pytest_matalign.cli.main import main
from pytest_matalign.embeddings.embedding import Embedding
from pytest_matalign.embeddings.files import write_embeddings
from pytest_matalign.embeddings.pack import bundled_pack
from pytest_matalign.engine.pairs import cknna, information_imbalance

MODELS = ("chgnet-0.3.0", "sevennet-0", "diep-fold1")
CALL = ("--split", "qm9", "--samples", "100", "--metric", "cknna:10")


def run(*arguments: str) -> int:
    return main(["matrix", *arguments])


def rows_of(model: str) -> Embedding:
    pack = bundled_pack()
    assert pack is not None
    return pack.embedding(model, load_split("qm9", samples=100))


def test_the_tables_are_those_of_the_pair_functions(tmp_path: Path) -> None:
    """On the samples that all models have, also of a metric with a direction."""
    assert (
        run(*MODELS, *CALL, "--metric", "information_imbalance", "--precision", "float64",
            "-o", str(tmp_path / "m"))
        == 0
    )  # fmt: skip
    found = np.load(tmp_path / "m.npz", allow_pickle=False)
    assert set(found["models"]) == set(MODELS)
    ids = tuple(str(one) for one in found["samples"])
    assert set(ids) == set.intersection(*(set(rows_of(model).ids) for model in MODELS))
    a, b = (rows_of(str(model)).rows(ids) for model in found["models"][:2])
    assert found["cknna"][0, 1] == pytest.approx(cknna(a, b, k=10), abs=1e-9)
    forth, back = information_imbalance(a, b)
    assert found["information_imbalance"][0, 1] == pytest.approx(forth, abs=1e-9)
    assert found["information_imbalance"][1, 0] == pytest.approx(back, abs=1e-9)


def test_the_json_says_of_what_the_tables_are(tmp_path: Path) -> None:
    """Split, samples, estimator, k, and where each model's rows came from."""
    assert run(*MODELS, *CALL, "--statistics", "-o", str(tmp_path / "m")) == 0
    found = json.loads((tmp_path / "m.json").read_text())
    assert found["split"] == "qm9"
    assert found["split_fingerprint"] == load_split("qm9", samples=100).fingerprint
    assert set(found["origins"]) == set(MODELS)
    assert set(found["origins"].values()) == {"pack"}
    (table,) = found["metrics"]
    assert (table["name"], table["k"], table["directed"]) == ("cknna", 10, False)
    assert table["values"][0][0] == pytest.approx(1.0, abs=1e-5)
    assert 0 < table["error"][0][1] < 1


def test_the_page_shows_every_value_and_escapes_names(tmp_path: Path) -> None:
    """A file may be given any name; it is text on the page."""
    write_embeddings(tmp_path / "own.npz", [rows_of("sevennet-0")])
    own = f"<b>mine</b>={tmp_path / 'own.npz'}"
    assert run(*MODELS, *CALL, "--file", own, "-o", str(tmp_path / "m")) == 0
    page = (tmp_path / "m.html").read_text()
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    assert "<b>mine" not in page
    assert page.count('<th scope="row">') == len(MODELS) + 1


def test_an_own_file_that_is_a_model_of_a_pack_agrees_with_it_wholly(tmp_path: Path) -> None:
    """The same rows from two places."""
    write_embeddings(tmp_path / "own.npz", [rows_of("sevennet-0")])
    call = ("sevennet-0", *CALL, "--file", f"mine={tmp_path / 'own.npz'}")
    assert run(*call, "-o", str(tmp_path / "m")) == 0
    assert np.load(tmp_path / "m.npz")["cknna"] == pytest.approx(np.ones((2, 2)), abs=1e-5)


def test_a_checkpoint_goes_on_to_the_same_bits_and_refuses_another_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second call finds everything done; a call over other settings is told."""
    kept = ("--checkpoint", str(tmp_path / "kept"))
    assert run(*MODELS, *CALL, *kept, "-o", str(tmp_path / "a")) == 0
    assert run(*MODELS, *CALL, *kept, "-o", str(tmp_path / "b")) == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    capsys.readouterr()
    assert run(*MODELS, *CALL, "--metric", "mutual_knn", *kept, "-o", str(tmp_path / "c")) == 2
    assert "other embeddings or settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("no-such-model", *CALL), "no model matches 'no-such-model'"),
        (("sevennet-0", *CALL), "only 1 of the models have rows of qm9"),
        ((*MODELS, "--split", "qm9", "--metric", "cknna:0"), "write NAME or NAME:K"),
        ((*MODELS, "--split", "qm9", "--metric", "cka"), "unknown metrics cka"),
        ((*MODELS, "--split", "qm9", "--file", "own.npz"), "write NAME=FILE"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    arguments: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written."""
    assert run(*arguments, "-o", str(tmp_path / "m")) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert told in line
    assert not list(tmp_path.glob("m.*"))
