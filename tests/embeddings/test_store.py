"""The store answers only with what was put in, whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from pytest_matalign.cache import DamagedEntryWarning
from pytest_matalign.embeddings.store import Rows, Store

ROWS = Rows(
    ids=("a", "b"),
    refused={"c": "too long"},
    vectors=np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32),
)


def test_rows_come_back_bit_for_bit(tmp_path: Path) -> None:
    """Ids, refusals and values survive the disk."""
    store = Store(tmp_path)
    store.write_rows("k" * 64, ROWS, provenance={"model": "m"})
    found = store.read_rows("k" * 64)
    assert found is not None
    assert found.ids == ROWS.ids
    assert found.refused == ROWS.refused
    assert found.vectors.tobytes() == ROWS.vectors.tobytes()


def test_absent_is_none(tmp_path: Path) -> None:
    """A key nobody wrote is simply not there."""
    assert Store(tmp_path).read_rows("0" * 64) is None
    assert Store(tmp_path).read_result("0" * 64, type=float) is None


@pytest.mark.parametrize("position", [0, 30, -1])
def test_damaged_rows_are_reported_and_absent(tmp_path: Path, position: int) -> None:
    """A flipped byte anywhere is noticed: header, metadata or values."""
    store = Store(tmp_path)
    store.write_rows("k" * 64, ROWS, provenance={})
    (path,) = tmp_path.rglob("*.safetensors")
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(content)
    with pytest.warns(DamagedEntryWarning, match="damaged .* computing it again"):
        assert store.read_rows("k" * 64) is None


def test_truncated_rows_are_reported_and_absent(tmp_path: Path) -> None:
    """Half a file is no file."""
    store = Store(tmp_path)
    store.write_rows("k" * 64, ROWS, provenance={})
    (path,) = tmp_path.rglob("*.safetensors")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.warns(DamagedEntryWarning):
        assert store.read_rows("k" * 64) is None


def test_damaged_results_are_reported_and_absent(tmp_path: Path) -> None:
    """A result whose digest does not fit is computed again, not believed."""
    store = Store(tmp_path)
    store.write_result("k" * 64, {"value": 0.5})
    assert store.read_result("k" * 64, type=dict[str, float]) == {"value": 0.5}
    (path,) = tmp_path.rglob("*.json")
    path.write_text(path.read_text().replace("0.5", "0.9"))
    with pytest.warns(DamagedEntryWarning):
        assert store.read_result("k" * 64, type=dict[str, float]) is None


def test_an_entry_under_the_name_of_another_is_damaged(tmp_path: Path) -> None:
    """A whole file in another's place is not believed: the digest covers the key."""
    store = Store(tmp_path)
    for key in ("a" * 64, "b" * 64):
        store.write_rows(key, ROWS, provenance={"model": key[:1]})
        store.write_result(key, {"value": 0.5})
    for kind, suffix in (("embeddings", "safetensors"), ("results", "json")):
        shutil.copy(
            tmp_path / kind / "aa" / f"{'a' * 64}.{suffix}",
            tmp_path / kind / "bb" / f"{'b' * 64}.{suffix}",
        )
    with pytest.warns(DamagedEntryWarning):
        assert store.read_rows("b" * 64) is None
    with pytest.warns(DamagedEntryWarning):
        assert store.read_result("b" * 64, type=dict) is None
    assert store.read_rows("a" * 64) is not None
    assert store.read_result("a" * 64, type=dict) == {"value": 0.5}


def test_what_is_said_of_rows_is_covered(tmp_path: Path) -> None:
    """Rows cannot be passed off as another model's by editing their provenance."""
    store = Store(tmp_path)
    store.write_rows("k" * 64, ROWS, provenance={"model": "chgnet"})
    (path,) = tmp_path.rglob("*.safetensors")
    path.write_bytes(path.read_bytes().replace(b"chgnet", b"pet-mad"[:6]))
    with pytest.warns(DamagedEntryWarning):
        assert store.read_rows("k" * 64) is None


def test_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between writing and renaming leaves neither an entry nor a stray file."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path).write_result("k" * 64, 1)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
