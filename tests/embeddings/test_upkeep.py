"""A store can be checked, tidied and weighed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pytest_matalign.cache import clear_leftovers, write_whole
from pytest_matalign.cli.main import main
from pytest_matalign.embeddings.store import Rows, Store

ROWS = Rows(ids=("a",), refused={}, vectors=np.ones((1, 3), np.float32))
KEY = "ab" * 32


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store of one block and one result."""
    store = Store(tmp_path / "store")
    store.write_rows(KEY, ROWS, provenance={"model": "m", "split": "qm9"})
    store.write_result(KEY, 0.5)
    return store.root


def test_what_is_whole_is_counted_and_weighed(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By model and split."""
    assert main(["store", "verify", "--store", str(root)]) == 0
    assert main(["store", "du", "--store", str(root)]) == 0
    out = capsys.readouterr().out
    assert "2 entries are whole, 0 are damaged" in out
    assert next(line.split() for line in out.splitlines() if line.startswith("m "))[1] == "qm9"


def test_what_is_damaged_is_named_and_removed(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing else is."""
    path = next(root.glob("results/*/*.json"))
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6"))
    assert main(["store", "verify", "--store", str(root)]) == 1
    assert str(path) in capsys.readouterr().out
    assert main(["store", "prune", "--store", str(root)]) == 0
    assert main(["store", "verify", "--store", str(root)]) == 0
    assert "1 entries are whole, 0 are damaged" in capsys.readouterr().out


def test_old_entries_go_when_asked(root: Path) -> None:
    """By when they were written."""
    path = next(root.glob("embeddings/*/*"))
    os.utime(path, (0, 0))
    assert main(["store", "prune", "--store", str(root), "--older-than", "30"]) == 0
    assert not path.exists()
    assert next(root.glob("results/*/*.json")).exists()


def test_leftovers_of_the_dead_are_cleared_by_the_next_writer(tmp_path: Path) -> None:
    """Those of the living, and of other machines, are not."""
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom pytest_matalign import cache\n"
        "os.fsync = lambda _: os.kill(os.getpid(), 9)\n"
        f"cache.write_whole(Path({str(tmp_path / 'a')!r}), b'x')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    [left] = tmp_path.glob(".*.part")
    mine = tmp_path / left.name.replace(left.name.split("-")[-2], str(os.getpid()))
    foreign = tmp_path / f".elsewhere-{left.name.split('-', 1)[1]}"
    mine.touch()
    foreign.touch()
    write_whole(tmp_path / "b", b"y")
    assert {path.name for path in tmp_path.iterdir()} == {"b", mine.name, foreign.name}
    assert clear_leftovers(tmp_path) == 0
