"""The bounds of the bundled suites are those that the packs give, made by one command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_matalign.suites.load import bundled_suites, load_suite

MAKER = Path(__file__).parents[2] / "benchmarks" / "expectations.py"


@pytest.mark.slow
def test_the_command_would_change_nothing() -> None:
    run = subprocess.run([sys.executable, str(MAKER)], capture_output=True, text=True, check=True)
    assert run.stdout.split() == sorted(bundled_suites())


def test_every_bound_says_how_many_families_it_rests_on() -> None:
    """Or is a contrast with a control, held against the pair itself."""
    for folder in bundled_suites().values():
        for expectation in load_suite(folder).expectation:
            if expectation.above is None:
                assert expectation.measured is not None
                assert expectation.measured.families >= 4
                assert "leave" in expectation.source or "left out" in expectation.source
