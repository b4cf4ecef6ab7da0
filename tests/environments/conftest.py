"""One small environment for all tests of this room."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from pytest_matalign.environments.process import end_workers
from small_environment import ADAPTER, link_environment, write_spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Specs, the built environment `small`, and the host's package `moody`."""
    root = tmp_path_factory.mktemp("small")
    write_spec(root / "specs", "small")
    (root / "host" / "moody").mkdir(parents=True)
    (root / "host" / "moody" / "__init__.py").write_text("")
    (root / "host" / "moody" / "adapter.py").write_text(ADAPTER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATALIGN_ENVIRONMENT_SPECS", str(root / "specs"))
        patch.setenv("MATALIGN_ENVIRONMENTS", str(root / "environments"))
        link_environment("small")
    return root


@pytest.fixture
def small(small_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of an environment that is built; its workers end with the test."""
    monkeypatch.setenv("MATALIGN_ENVIRONMENT_SPECS", str(small_root / "specs"))
    monkeypatch.setenv("MATALIGN_ENVIRONMENTS", str(small_root / "environments"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.syspath_prepend(small_root / "host")
    yield "small"
    end_workers()


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for environments and an empty folder of specs."""
    (tmp_path / "specs").mkdir()
    monkeypatch.setenv("MATALIGN_ENVIRONMENT_SPECS", str(tmp_path / "specs"))
    monkeypatch.setenv("MATALIGN_ENVIRONMENTS", str(tmp_path / "environments"))
    return tmp_path


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts here even where the tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
