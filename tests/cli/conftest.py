"""The command line in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_matalign.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def matalign(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command; its status, and what it wrote."""

    def run(*words: str) -> tuple[int, str, str]:
        status = main(words)
        output = capsys.readouterr()
        return status, output.out, output.err

    return run
