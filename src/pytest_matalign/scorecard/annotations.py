"""Failures as annotations of a GitHub run, which shows at most ten of a kind for a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.escaping import command, command_property
from pytest_matalign.scorecard.summary import failures, subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.scorecard.model import Scorecard

SHOWN = 10


def workflow_commands(scorecard: Scorecard) -> Iterator[str]:
    """Workflow commands, one a failure; the tenth counts the rest if there are more than ten."""
    found = failures(scorecard)
    shown = found if len(found) <= SHOWN else found[: SHOWN - 1]
    for record in shown:
        yield f"::error title={command_property(subject(record))}::{command(record.reason)}"
    if len(shown) < len(found):
        left = len(found) - len(shown)
        yield f"::error title=matalign::and {left} more failures; see the step summary"
