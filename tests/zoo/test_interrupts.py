"""Ctrl-C stops a run that is inside one of RDKit's searches."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pytest_matalign
from pytest_matalign.zoo.interrupts import interruptible

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")

SEARCH = """
import signal, sys
from rdkit import Chem
from pytest_matalign.zoo.interrupts import interruptible

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job has none
big = Chem.MolFromSmiles("C1CCC(CC1)" * 60)
pattern = Chem.MolFromSmarts("~".join(["[#6]"] * 19))

def search():
    with interruptible():
        return len(big.GetSubstructMatches(pattern, uniquify=False, maxMatches=10**7))

whole = search()
print("ready", flush=True)
try:
    while True:
        assert search() == whole, "a search that was cut short came back"
except KeyboardInterrupt:
    sys.exit(130)
"""


def interrupted(script: str, *arguments: str, after_s: float) -> subprocess.CompletedProcess[str]:
    """A process that was sent SIGINT once, some time after it said it was ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(pytest_matalign.__file__).parents[1])},
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n", process.communicate()
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, error)


def test_every_interrupt_of_a_search_arrives() -> None:
    """Eight of eight, wherever in a search it falls."""
    ended = [interrupted(SEARCH, after_s=0.05 + 0.037 * trial) for trial in range(8)]
    assert [(one.returncode, one.stdout) for one in ended] == [(130, "")] * 8, ended


@pytest.fixture
def search() -> Callable[[], object]:
    """A short substructure search, whose handler of SIGINT RDKit leaves behind."""
    from rdkit import Chem

    molecule, pattern = Chem.MolFromSmiles("CCO"), Chem.MolFromSmarts("[#6]~[#8]")
    return lambda: molecule.HasSubstructMatch(pattern)


def test_the_process_keeps_its_own_handler(search: Callable[[], object]) -> None:
    """Whatever it was: the host's choice stands."""
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append("it"))
    try:
        with interruptible():
            search()
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == ["it"]


def _search_and_press(search: Callable[[], object]) -> None:
    with interruptible():
        search()
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_the_library_took_is_passed_on(search: Callable[[], object]) -> None:
    """Python itself never heard of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            _search_and_press(search)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
