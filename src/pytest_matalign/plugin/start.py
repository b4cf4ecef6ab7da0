"""Start a session: resolve what was asked for, and report what was asked wrongly."""

from __future__ import annotations

import pytest

from pytest_matalign.errors import MatalignError
from pytest_matalign.plugin.progress import teller
from pytest_matalign.plugin.reporter import Reporter
from pytest_matalign.plugin.session import MatalignSession


def start(config: pytest.Config) -> MatalignSession:
    """Make the session and everything that can be known to be wrong before collecting.

    Raises:
        pytest.UsageError: With one sentence, if an option, table or suite is wrong.
    """
    try:
        session = MatalignSession(config)
        session.check()
    except MatalignError as error:
        raise pytest.UsageError(str(error)) from None
    # Only the process that talks to the user gathers records and reports them.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Reporter(session), "matalign-reporter")
        session.teller = teller(config, session.samples_of)
        if session.teller is not None:
            config.pluginmanager.register(session.teller, "matalign-progress")
    return session
