"""A cluster in earnest: a scheduler and workers of Dask, processes, and the same bits from all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pieces
import pytest

from pytest_matalign.cli.main import main
from pytest_matalign.engine import run as engine_run
from pytest_matalign.engine.matrix import AlignmentMatrix, alignment_matrix
from pytest_matalign.executor import Executor, Here, Processes, executor_of

pytestmark = pytest.mark.slow

pytest.importorskip("distributed", reason="distributed is not installed; it is the extra cluster")
TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of a scheduler with two workers, each a process of its own."""
    folder = tmp_path_factory.mktemp("dask")
    file = folder / "scheduler.json"
    path = os.pathsep.join([str(TESTS), *filter(None, sys.path)])
    where = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    begin = [sys.executable, "-m", "distributed.cli"]
    ends = ("--scheduler-file", str(file), "--no-dashboard")
    commands = [[*begin[:2], "distributed.cli.dask_scheduler", *ends, "--port", "0"]]
    worker = [*begin[:2], "distributed.cli.dask_worker", "--scheduler-file", str(file)]
    commands += [[*worker, "--nthreads", "1", "--no-dashboard"] for _ in range(2)]
    started = []
    with (folder / "log.txt").open("w") as log:
        for command in commands:
            started.append(
                subprocess.Popen(
                    command, cwd=folder, env=where, stdout=log, stderr=log, start_new_session=True
                )
            )
            deadline = time.monotonic() + 60
            while not file.exists() and time.monotonic() < deadline:
                time.sleep(0.1)
    yield file
    for process in reversed(started):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def cluster(scheduler: Path) -> Iterator[Executor]:
    executor = executor_of(f"scheduler-file:{scheduler}")
    yield executor
    executor.close()


def matrix(executor: Executor, checkpoint: Path) -> AlignmentMatrix:
    return alignment_matrix(
        pieces.made_rows(),
        executor=executor,
        again=pieces.made_rows,
        checkpoint=checkpoint,
        memory=1 << 20,
    )


def bits(found: AlignmentMatrix) -> dict[str, bytes]:
    return {name: values.tobytes() for name, values in found.values.items()}


def test_one_process_four_and_a_cluster_give_the_same_bits(
    cluster: Executor, tmp_path: Path
) -> None:
    """Tiles are the same, and sums are taken in their order."""
    alone = bits(matrix(Here(), tmp_path / "alone"))
    processes = Processes(4)
    try:
        assert bits(matrix(processes, tmp_path / "four")) == alone
    finally:
        processes.close()
    assert bits(matrix(cluster, tmp_path / "cluster")) == alone


@pytest.mark.parametrize("kind", ["processes", "cluster"])
def test_a_worker_killed_in_a_tile_changes_nothing(
    kind: str, scheduler: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what was in flight is worked out twice."""
    expected = bits(matrix(Here(), tmp_path / "alone"))
    notes = tmp_path / "notes"
    notes.mkdir()
    monkeypatch.setattr(engine_run, "distance_blocks", partial(pieces.dying_blocks, notes))
    executor = Processes(2) if kind == "processes" else executor_of(f"scheduler-file:{scheduler}")
    try:
        found = matrix(executor, tmp_path / "killed")
    finally:
        executor.close()
    assert bits(found) == expected
    assert (notes / "died").exists()
    times = Counter(path.name.partition("-")[0] for path in notes.glob("*-*"))
    assert len(times) > 4
    assert 1 <= sum(times.values()) - len(times) <= 2


def test_rows_made_by_a_cluster_are_those_made_here(scheduler: Path, tmp_path: Path) -> None:
    """The store then has them, bit for bit, and a matrix takes them from there."""
    stores = {}
    for name, options in (("here", []), ("there", ["--cluster", f"scheduler-file:{scheduler}"])):
        store = tmp_path / name
        command = ["embed", "size", "random", "composition", "--split", "mp-crystals"]
        assert main([*command, "--samples", "300", "--store", str(store), *options]) == 0
        stores[name] = {
            path.relative_to(store): path.read_bytes()
            for path in sorted((store / "embeddings").rglob("*.safetensors"))
        }
    assert stores["here"] == stores["there"]
    assert len(stores["here"]) > 3
    command = ["matrix", "random", "composition", "--split", "mp-crystals", "--samples", "300"]
    tables = []
    for name, options in (("here", []), ("there", ["--cluster", f"scheduler-file:{scheduler}"])):
        out = tmp_path / f"{name}.matrix"
        asked = ["--store", str(tmp_path / name), "--checkpoint", str(tmp_path / f"{name}-points")]
        assert main([*command, *asked, "-o", str(out), *options]) == 0
        with np.load(out.with_name(f"{out.name}.npz")) as found:
            tables.append({key: found[key].tobytes() for key in found.files})
    assert tables[0] == tables[1]


def test_a_scheduler_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """With what to start."""
    command = ["embed", "size", "--split", "mp-crystals", "--samples", "10"]
    assert main([*command, "--cluster", "tcp://127.0.0.1:9"]) != 0
    assert "There is no Dask scheduler" in capsys.readouterr().err


def test_a_matrix_on_a_cluster_needs_a_place_that_all_share(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Its checkpoint."""
    command = ["matrix", "--split", "mp-crystals", "-o", str(tmp_path / "m")]
    assert main([*command, "--cluster", "local:2"]) == 2
    assert "--checkpoint DIR" in capsys.readouterr().err
