"""The shipped bounds are those that the packs give, by the command that made them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_matalign.verdicts.gate import bounds

BANK = Path(__file__).parents[3] / "benchmarks" / "gate_bank.py"


def test_bounds_are_read_off_the_packs():
    run = subprocess.run(
        [sys.executable, str(BANK), "--bounds"], capture_output=True, text=True, check=True
    )
    found = {line.split(":")[0]: float(line.split()[-1]) for line in run.stdout.splitlines()}
    assert set(found) == {"NORM_SPREAD", "DIRECTIONS", "TORN"}
    for name, limit in found.items():
        assert getattr(bounds, name) == pytest.approx(limit, abs=0.006)
