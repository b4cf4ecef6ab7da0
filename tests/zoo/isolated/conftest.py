"""What belongs to which environment: a folder holds the tests of its namesake's adapters.

The modules beside this one are of models of every environment. `matalign env test NAME` runs both
inside NAME; anywhere else, tests whose packages are missing are skipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from promises import TESTED
from pytest_matalign.zoo import catalogue

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out, inside an environment, the folders of others."""
    other = collection_path.parent == HERE and collection_path.name != TESTED
    return True if TESTED and other and collection_path.is_dir() else None


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Leave out, inside an environment, the models of others."""
    if TESTED is None:
        return
    others = [one for one in items if one.path.parent == HERE and _environment(one) != TESTED]
    config.hook.pytest_deselected(items=others)
    items[:] = [one for one in items if one not in others]


def _environment(item: Any) -> str | None:
    """That of the model which parametrises a test."""
    return catalogue.card(item.callspec.params["model_id"]).environment
