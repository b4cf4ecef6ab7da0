"""A host project in a temporary folder."""

from __future__ import annotations

import pytest

from hosts import Host


@pytest.fixture
def host(pytester: pytest.Pytester) -> Host:
    return Host(pytester)
