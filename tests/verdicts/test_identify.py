"""Which known model made a file, and how new samples are to a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pytest_matalign.cli.main import main
from pytest_matalign.embeddings.embedding import Embedding
from pytest_matalign.embeddings.files import write_embeddings
from pytest_matalign.embeddings.novelty import novelty
from pytest_matalign.embeddings.pack_format import decode
from pytest_matalign.embeddings.pack_hub import packs_at_hand

DRAWS = np.random.default_rng(3)


@pytest.fixture(autouse=True)
def empty_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATALIGN_CACHE", str(tmp_path / "cache"))


def file_of(path: Path, change: object = None, *, model: str = "sevennet-0") -> Path:
    """Sixty rows of a pack's entry, changed."""
    (pack,) = packs_at_hand((), root=path)
    entry, tensors = pack.entry("mp-crystals", model)
    rows = decode(entry, tensors)[:60]
    rows = change(rows) if callable(change) else rows
    target = path / "mystery.npz"
    write_embeddings(
        target, [Embedding(model="x", split="theirs", ids=entry.accepted[:60], vectors=rows)]
    )
    return target


def turned(rows: np.ndarray) -> np.ndarray:
    rotation = np.linalg.qr(DRAWS.normal(size=(rows.shape[1],) * 2))[0]
    return (5 * rows @ rotation + 1).astype(np.float32)


@pytest.mark.parametrize("change", [None, turned, lambda rows: rows.astype(np.float16)])
def test_a_checkpoint_is_named_by_its_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: object
) -> None:
    """Whatever their coordinates and precision, and whatever the file calls the split."""
    assert main(["identify", str(file_of(tmp_path, change)), "--json", str(tmp_path / "x")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "sevennet-0"
    found = json.loads((tmp_path / "x").read_text())
    assert found["nearest"][0]["distance"] < 0.01 < found["nearest"][1]["distance"]


def test_rows_of_no_known_model_are_nobody_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = file_of(tmp_path, lambda rows: DRAWS.normal(size=rows.shape).astype(np.float32))
    assert main(["identify", str(noise)]) == 1
    assert capsys.readouterr().out.startswith("none of the ")


def test_a_few_rows_of_another_kind_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def spoilt(rows: np.ndarray) -> np.ndarray:
        return np.where(np.arange(len(rows))[:, None] < 7, rows[::-1], rows)

    assert main(["identify", str(file_of(tmp_path, spoilt))]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "sevennet-0; 7 of 60 rows lie further off"


def test_a_model_that_was_run_here_is_known_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also on samples of one's own."""
    smiles = ["C" * n + end for n in range(1, 9) for end in ("", "O", "N", "Cl")]
    (tmp_path / "my.smi").write_text("".join(f"{one} {one}\n" for one in smiles))
    out = str(tmp_path / "rows.npz")
    assert main(["embed", "morgan", str(tmp_path / "my.smi"), "-o", out]) == 0
    assert main(["identify", out]) == 0
    assert "\nmorgan\n" in capsys.readouterr().out


def test_samples_nobody_knows_are_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = Embedding(model="x", split="s", ids=("a", "b"), vectors=np.eye(2, dtype=np.float32))
    write_embeddings(tmp_path / "rows.npz", [rows])
    assert main(["identify", str(tmp_path / "rows.npz")]) == 2
    assert "fewer than 20 samples in common" in capsys.readouterr().err


def test_novelty_is_about_one_for_like_samples_and_grows_with_distance() -> None:
    """In units of the reference's own spacing, so that no scale matters."""
    reference = DRAWS.normal(size=(400, 6)).astype(np.float32)
    like = DRAWS.normal(size=(200, 6)).astype(np.float32)
    for scale in (1e-3, 1.0, 1e3):
        near = novelty(scale * like, scale * reference)
        far = novelty(scale * (like + 10), scale * reference)
        assert near is not None
        assert far is not None
        assert 0.8 < np.median(near) < 1.2
        assert far.min() > 3
    assert novelty(like, reference[:3]) is None
    assert novelty(like, np.ones((50, 6), np.float32)) is None
