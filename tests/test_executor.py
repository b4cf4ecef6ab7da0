"""Executors: results in order wherever they are made; a dead worker's piece is done again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pieces import die, note, refuse, square

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.executor import Executor, ExecutorError, Here, Processes, executor_of


@pytest.fixture(params=["here", "processes"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    made: Executor = Here() if request.param == "here" else Processes(2)
    yield made
    made.close()


def test_results_come_in_the_order_of_the_pieces(executor: Executor) -> None:
    """However long each takes."""
    pieces = [executor.submit(square, number) for number in range(9)]
    assert list(executor.gather(pieces)) == [number**2 for number in range(9)]


def test_an_error_is_that_of_the_piece(executor: Executor) -> None:
    """And the others are not lost by it."""
    pieces = [executor.submit(one, 3) for one in (square, refuse, square)]
    assert list(executor.gather(pieces[:1])) == [9]
    with pytest.raises(UnavailableError, match="number 3 is not to be had"):
        list(executor.gather(pieces[1:2]))
    assert list(executor.gather(pieces[2:])) == [9]


def test_a_killed_process_costs_the_piece_it_was_at(tmp_path: Path) -> None:
    """What was done is not done again, but for what was in flight beside it."""
    executor = Processes(2)
    try:
        pieces = [executor.submit(partial(note, dying=4), tmp_path, n) for n in range(8)]
        assert list(executor.gather(pieces)) == [n**2 for n in range(8)]
    finally:
        executor.close()
    times = Counter(path.name.partition("-")[0] for path in tmp_path.iterdir())
    assert times["4"] == 2
    assert sum(times.values()) <= 10


def test_a_piece_that_kills_every_process_is_given_up() -> None:
    """In one sentence that says what to try."""
    executor = Processes(1)
    try:
        with pytest.raises(ExecutorError, match=r"3 processes in a row died .*\(die\)"):
            list(executor.gather([executor.submit(die, 0)]))
    finally:
        executor.close()


@pytest.mark.parametrize("text", ["", "local", "local:0", "local:x", "slurm", "scheduler-file:"])
def test_what_is_no_cluster_is_refused(text: str) -> None:
    """The sentence says what may be written."""
    with pytest.raises(ConfigurationError, match="local:N, scheduler-file:PATH or tcp"):
        executor_of(text)


def test_one_process_is_this_one() -> None:
    """Nothing is started for it."""
    assert isinstance(executor_of(None), Here)
    assert isinstance(executor_of("local:1"), Here)
