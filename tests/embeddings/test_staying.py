"""A model cannot end the run unjudged."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from pytest_matalign.embeddings.staying import staying
from pytest_matalign.errors import ExtractionError, MatalignError


@pytest.mark.parametrize(
    "leave",
    [
        lambda: os._exit(0),
        lambda: os.execv("/bin/true", ["true"]),  # noqa: S606  it is not started
        lambda: os.execvp("true", ["true"]),  # noqa: S606  nor is it
    ],
)
def test_leaving_is_an_error_of_the_model(leave: Callable[[], object]) -> None:
    """And `os` is as it was afterwards."""
    before = os._exit
    wrong = r"'m' called os\.\w+, which would have ended"
    with pytest.raises(ExtractionError, match=wrong), staying("m"):
        leave()
    assert os._exit is before


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (SystemExit(0), "'m' raised SystemExit, which would have ended its check"),
        (pytest.skip.Exception("no"), "'m' raised Skipped, which"),
        (GeneratorExit(), "'m' raised GeneratorExit, which"),
        (ValueError("\x1b[2J\n::error::x" + "y" * 10**6), r"'m' failed: ValueError: \\x1b\[2J ::"),
        (OSError(28, "No space left on device", "a"), "m: a: No space left on device"),
    ],
)
def test_whatever_is_raised_is_an_error_of_the_model(raised: BaseException, said: str) -> None:
    """In one sentence of bearable length; else the run would end, or the check pass for skipped."""
    with pytest.raises(MatalignError, match=said) as caught, staying("m"):
        raise raised
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_ctrl_c_is_none() -> None:
    """It is the user's."""
    with pytest.raises(KeyboardInterrupt), staying("m"):
        raise KeyboardInterrupt


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_fork_does_not_go_on_with_the_run() -> None:
    """As that of a model which forks and returns in both."""
    code = (
        "import os\n"
        "from pytest_matalign.embeddings.staying import staying\n"
        "with staying('m'):\n"
        "    child = os.fork()\n"
        "print('goes on')\n"
        "os.waitpid(child, 0)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout == "goes on\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_fork_ends_as_it_likes() -> None:
    """As `multiprocessing` has them do."""
    with staying("m"):
        number = os.fork()
        if number == 0:
            os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 7


def test_from_another_thread_the_process_ends_with_1() -> None:
    """An error raised there would be lost, and status 0 would pass for a run."""
    code = (
        "import os, threading\n"
        "from pytest_matalign.embeddings.staying import staying\n"
        "with staying('m'):\n"
        "    thread = threading.Thread(target=os._exit, args=(0,))\n"
        "    thread.start()\n"
        "    thread.join()\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert found.returncode == 1
    assert "called os._exit" in found.stderr
    assert threading.active_count() >= 1
