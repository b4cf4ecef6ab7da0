"""Start a session: resolve what was asked for, and report what was asked wrongly."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_matalign.environments.parent import end_with_parent
from pytest_matalign.errors import ConfigurationError, MatalignError, sentence_of
from pytest_matalign.escaping import terminal
from pytest_matalign.plugin.progress import teller
from pytest_matalign.plugin.reporter import Reporter
from pytest_matalign.plugin.session import MatalignSession
from pytest_matalign.run.ahead import embed_ahead
from pytest_matalign.untrusted import TEXT_BYTES, untrusted
from pytest_matalign.zoo.card_file import parse_cards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.zoo.card import ModelCard


def start(config: pytest.Config) -> MatalignSession:
    """Make the session and everything that can be known to be wrong before collecting.

    Raises:
        pytest.UsageError: With one sentence, if an option, table or suite is wrong.
    """
    try:
        _check_file_options(config)
        session = MatalignSession(config, cards=_own_cards(config))
        session.check()
        if not (hasattr(config, "workerinput") or config.option.collectonly):
            embed_ahead(session)
    except MatalignError as error:
        raise pytest.UsageError(terminal(str(error))) from None
    except OSError as error:
        raise pytest.UsageError(sentence_of(error)) from None
    if hasattr(config, "workerinput"):
        end_with_parent()  # or a batch would go on for nobody after the controller was killed
    # Only the process that talks to the user gathers records and reports them.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Reporter(session, config), "matalign-reporter")
        session.teller = teller(config, session.samples_of)
        if session.teller is not None:
            config.pluginmanager.register(session.teller, "matalign-progress")
    return session


def _check_file_options(config: pytest.Config) -> None:
    """Refuse options of pytest's own file that would judge otherwise, or judge nothing.

    A pull request can change that file, and what stands there goes over `--matalign-policy`.
    """
    for option in config.getini("addopts"):
        if option.startswith("--matalign-") or option in _NOTHING_RUN:
            raise ConfigurationError(
                f"addopts in {config.inipath} gives {option}, which decides what is judged; set it "
                "in [tool.matalign], or on the command line."
            )


_NOTHING_RUN = frozenset(
    {
        *("--collect-only", "--collectonly", "--co", "--setup-plan", "--fixtures", "--funcargs"),
        *("--fixtures-per-test", "--markers", "--cache-show", "--help", "-h", "--version", "-V"),
    }
)


def _own_cards(config: pytest.Config) -> Iterator[ModelCard]:
    """Cards that implementations of `pytest_matalign_cards` bring."""
    for found in config.hook.pytest_matalign_cards(config=config):
        for one in found:
            if not isinstance(one, Path):
                yield one
                continue
            with untrusted(one, most=TEXT_BYTES, refusal=partial(_unread, one)) as content:
                text = content.decode()
            yield from parse_cards(text, file=str(one))


def _unread(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{path}, which pytest_matalign_cards names, cannot be read: {why}.")
