"""Real weights of cards with a `url`, laid where the download would have put them.

They are no part of this repository. `MATALIGN_TEST_WEIGHTS` names a folder that holds them and a
list `SHA256SUMS` of them; without it the tests that need them are skipped.
"""

from __future__ import annotations

import os
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from promises import need
from pytest_matalign.cache import cache_root
from pytest_matalign.zoo.adapter import load_here
from pytest_matalign.zoo.catalogue import card
from pytest_matalign.zoo.weights.digest import files_digest

VARIABLE = "MATALIGN_TEST_WEIGHTS"


def load_real(model_id: str) -> Any:
    """A model of the zoo with its published weights, or a skip that says what is missing."""
    found = card(model_id)
    need(*found.requires, environment=found.environment)
    lay(model_id)
    return load_here(found, allow_pickle=True)


def lay(model_id: str) -> None:
    """Put the weights of a card into the cache of this test, or skip."""
    weights = card(model_id).weights
    if weights is None or weights.url is None:
        return
    files = weights.files or {weights.url.rpartition("/")[2]: weights.sha256 or ""}
    for name, digest in files.items():
        source = _known().get(digest)
        if source is None:
            pytest.skip(f"{VARIABLE} names no folder with {name} of {model_id}")
        target = cache_root() / "weights" / files_digest(files) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


@lru_cache
def _known() -> dict[str, Path]:
    """Every file of the folder by its SHA-256."""
    named = os.environ.get(VARIABLE)
    if not named:
        return {}
    lines = (Path(named) / "SHA256SUMS").read_text("utf-8").splitlines()
    return {
        digest: Path(named) / path for digest, path in (line.split(maxsplit=1) for line in lines)
    }
