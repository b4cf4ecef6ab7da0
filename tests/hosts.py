"""A host project with a suite small enough to run in a second, on real molecules."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any

# Extension modules load once a process, and pytester forgets what a run inside it imported:
# whatever the runs need is therefore imported before the first one.
import ase.io
import msgspec.json
import numpy as np
import pytest
import rdkit.Chem
import safetensors.numpy
import scipy.stats
import torch

import pytest_matalign

PRELOADED = (ase.io, msgspec.json, np, rdkit.Chem, safetensors.numpy, scipy.stats, torch)
for module in pkgutil.walk_packages(pytest_matalign.__path__, "pytest_matalign."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)

MINI = """
name = "mini"
title = "Three controls on sixty molecules"
version = 1
models = ["composition", "size", "random"]
[[split]]
id = "qm9"
samples = 60
[[metric]]
name = "cknna"
k = 5
[[metric]]
name = "distance_correlation"
"""


DECIDED = """
[[expectation]]
id = "decided"
metric = "cknna"
at_least = -1.0
source = "chosen"
"""
"""For runs whose candidate has no baseline and whose verdict is not what is asked."""


class Host:
    """A project folder in which `pytest --matalign` is run."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.path = pytester.path
        (self.path / "mini").mkdir()
        self.suite(MINI)
        self.configure()

    def suite(self, text: str) -> None:
        """Replace the suite file."""
        (self.path / "mini" / "suite.toml").write_text(text)

    def expect(self, text: str) -> None:
        """Add expectations to the suite."""
        self.suite(MINI + text)

    def configure(self, table: str = "") -> None:
        """Write `[tool.matalign]`."""
        (self.path / "pyproject.toml").write_text(
            f'[tool.pytest.ini_options]\n[tool.matalign]\nsuites = ["mini"]\n{table}\n'
        )

    def run(self, *arguments: str, **options: Any) -> pytest.RunResult:
        """`pytest --matalign ARGUMENTS` in this process."""
        return self.pytester.runpytest_inprocess("--matalign", *arguments, **options)


def card(path: Path) -> dict[str, Any]:
    """A scorecard without the part that may differ from run to run."""
    scorecard: dict[str, Any] = json.loads(path.read_text())
    scorecard.pop("run")
    return scorecard


def usage_error(result: pytest.RunResult) -> str:
    """The one line pytest prints for a wrong command line."""
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in result.stderr.lines if line.startswith("ERROR:")]
    assert len(lines) == 1, result.stderr.str()
    assert "Traceback" not in result.stderr.str()
    return lines[0]
