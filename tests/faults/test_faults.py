"""The short form of every kind of trial: no wrong value, no traceback, no hang, nothing lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from faults.places import interrupts, places
from faults.reading import bombs, readers
from faults.storing import damages, kills, swaps, writers
from faults.tally import Tally, apart
from faults.working import workers
from made_scorecard import Made, made
from pytest_matalign.embeddings.files import read_embedding
from pytest_matalign.errors import ConfigurationError

__all__ = ["made"]
pytestmark = pytest.mark.slow

SHORT: dict[str, Callable[[Path], Tally]] = {
    "kills": lambda folder: kills(12, folder),
    "writers": lambda folder: writers(1, folder),
    "damages": lambda folder: damages(150, folder),
    "swaps": lambda folder: swaps(40, folder),
    "workers": lambda folder: workers(8, folder),
    "places": lambda folder: places(4, folder),
    "interrupts": lambda folder: interrupts(2, folder, samples=300),
}


@pytest.mark.parametrize("trials", SHORT)
def test_a_few_trials_find_nothing(
    trials: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python benchmarks/fault_trials.py` makes many."""
    monkeypatch.setenv("MATALIGN_ENVIRONMENT_SPECS", str(tmp_path / "specs"))
    monkeypatch.setenv("MATALIGN_ENVIRONMENTS", str(tmp_path / "environments"))
    tally = SHORT[trials](tmp_path)
    assert tally.tried
    assert not tally.found, tally.cases


def test_readers_say_one_sentence(made: Made, tmp_path: Path) -> None:
    """Whatever bytes they are given."""
    for give in readers(tmp_path, msgspec.json.encode(made.scorecard)).values():
        tally = give(20, 0)
        assert tally.tried == 20
        assert not tally.found, tally.cases
        assert tally.peak_mb < 2000


def test_archives_that_unpack_to_far_more_are_refused(tmp_path: Path) -> None:
    """By their headers; forty ids of a million characters each were read, in half a minute."""
    for content in bombs():
        (tmp_path / "c.npz").write_bytes(content)
        with pytest.raises(ConfigurationError, match="is not an embedding file"):
            read_embedding(tmp_path / "c.npz", model="m", split="qm9", ids=["s0"])


def test_a_failure_is_told_by_a_fork_too() -> None:
    """What counts nothing would find nothing."""

    def fails() -> Tally:
        tally = Tally("t", tried=2)
        tally.fail("hangs", "one")
        return tally

    found = apart(fails)
    assert (found.tried, dict(found.found), found.cases) == (2, {"hangs": 1}, ["t: hangs: one"])
    assert apart(lambda: os._exit(3)).found["tracebacks"] == 1


def test_a_fork_whose_work_raises_ends_there() -> None:
    """It once went on as a second pytest, and its controller was gone."""
    here = os.getpid()
    found = apart(lambda: Tally(1 / 0))  # type: ignore[arg-type]
    assert os.getpid() == here
    assert found.found["tracebacks"] == 1
