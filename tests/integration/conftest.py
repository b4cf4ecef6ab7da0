"""A host project in a temporary folder."""

from __future__ import annotations

import pytest

from hosts import Host


@pytest.fixture
def host(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Host:
    # Runs inside a worker of our own test run are runs of their own.
    monkeypatch.delenv("PYTEST_XDIST_TESTRUNUID", raising=False)
    return Host(pytester)
