"""Hooks that a host's `conftest.py` or another plugin may implement, called under `--matalign`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pytest

    from pytest_matalign.run.ledger import Record
    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.zoo.card import ModelCard


def pytest_matalign_cards(config: pytest.Config) -> Iterable[ModelCard | Path]:
    """Return cards of models, or files of them, that join the zoo for this run.

    Called once in every process, before suites are read: a suite may name these models, and so may
    `candidate`. An id that the zoo has already is an error.

    Args:
        config: Of the run.
    """
    raise NotImplementedError  # a specification is never called


def pytest_matalign_record(config: pytest.Config, record: Record) -> None:
    """Take the record of one check, an embedding's or an alignment's, as it arrives.

    Called in the process that reports, also for checks that ran on workers of xdist; the order is
    that in which they end.

    Args:
        config: Of the run.
        record: Its `verdict` is final; those of gates are in the scorecard.
    """


def pytest_matalign_scorecard(config: pytest.Config, scorecard: Scorecard) -> None:
    """Take the scorecard once everything is judged, before any file of it is written.

    Called once, in the process that reports, and not for a run in which nothing was checked.

    Args:
        config: Of the run.
        scorecard: Of the whole run.
    """
