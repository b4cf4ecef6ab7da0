"""Fixtures shared by every room."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _own_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own store, nor a step summary of the CI around it."""
    monkeypatch.setenv("MATALIGN_CACHE", str(tmp_path_factory.mktemp("store")))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
