"""One small real run, with its store, shared by the tests of every form of its scorecard."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from pytest_matalign.embeddings.obtain import Door
from pytest_matalign.embeddings.store import Store
from pytest_matalign.progress import embedding_line
from pytest_matalign.scorecard.model import Scorecard, read_scorecard

SUITE = """
name = "descriptors"
title = "Descriptors <on> small molecules"
version = 1
models = ["composition", "size", "morgan", "rdkit-descriptors", "random"]
[[split]]
id = "qm9"
samples = 60
[[split]]
id = "ccd-ligands"
samples = 60
[[metric]]
name = "cknna"
k = 10
[[metric]]
name = "information_imbalance"
[[expectation]]
id = "all-the-same"
metric = "cknna"
between = [["morgan"], ["random"]]
splits = ["qm9"]
at_least = 0.99
source = "chosen to fail"
"""


@dataclass(frozen=True)
class Made:
    """A scorecard and the store it was made from."""

    scorecard: Scorecard
    store: Path

    @property
    def door(self) -> Door:
        """A door over the store."""
        return Door(store=Store(self.store), progress=embedding_line)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Descriptors on two splits; all but `random` are given the role of pretrained models,
    so that what is drawn of pretrained models is drawn without their weights.
    """
    host = tmp_path_factory.mktemp("host")
    (host / "suite").mkdir()
    (host / "suite" / "suite.toml").write_text(SUITE)
    (host / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    options = "--matalign-suite suite --matalign-store store --matalign-json card.json -q"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--matalign", *options.split(), "-p", "no:cacheprovider"],
        cwd=host,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    card = read_scorecard(host / "card.json")
    models = tuple(
        model
        if model.id == "random"
        else msgspec.structs.replace(model, role="pretrained", control=None, family=model.id)
        for model in card.models
    )
    return Made(scorecard=msgspec.structs.replace(card, models=models), store=host / "store")


@pytest.fixture
def scorecard(made: Made) -> Scorecard:
    return made.scorecard


@pytest.fixture(scope="session", autouse=True)
def _no_rdkit_chatter() -> Iterator[None]:
    """SMILES that RDKit cannot read are part of the tests; its log lines are not."""
    from rdkit import rdBase

    with rdBase.BlockLogs():
        yield
