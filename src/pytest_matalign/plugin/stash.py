"""Where pytest's configuration keeps the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_matalign.plugin.session import MatalignSession

# A string key would do for config.stash, but a StashKey cannot collide with another plugin's.
SESSION: pytest.StashKey[MatalignSession] = pytest.StashKey()
