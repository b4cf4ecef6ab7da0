"""How embedding gets on is told where people are: on a terminal and in the log of a CI."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pyte
import pytest

from hosts import DECIDED, Host
from pytest_matalign.plugin.progress import Board, Working

pytestmark = pytest.mark.slow

SLOW = """
import time
import numpy as np

def make():
    def embed(structures):
        time.sleep(0.05 * len(structures))
        return np.array([[len(a), a.numbers.sum(), a.positions.std()] for a in structures])
    embed.batch_size = 2
    return embed
"""
SIZE = (40, 100)
TOLD = re.compile(r"matalign: \d of 4 embeddings, [\d.]+ samples/s, about \d\d:\d\d left: ")


@pytest.fixture
def slow(host: Host) -> Host:
    """A candidate that needs some seconds for sixty samples."""
    (host.path / "slow_model.py").write_text(SLOW)
    host.expect(DECIDED)
    host.configure('candidate = "slow_model:make"\nname = "slow"\ninput = "atoms"')
    return host


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "--matalign", "-p", "no:cacheprovider", *arguments]


def environment(host: Host) -> dict[str, str]:
    """Without the workers of a run around this one, and with a folder for temporary files."""
    own = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    (host.path / "temporary").mkdir()
    return {**own, "TMPDIR": str(host.path / "temporary"), "TERM": "xterm"}


def in_a_terminal(host: Host, *arguments: str) -> tuple[str, list[str]]:
    """Everything that was written to a terminal, and what stood on its screen in the end."""
    controller, terminal = pty.openpty()
    screen = pyte.Screen(SIZE[1], SIZE[0])
    stream = pyte.ByteStream(screen)
    run = subprocess.Popen(
        command(*arguments),
        cwd=host.path,
        env={**environment(host), "COLUMNS": str(SIZE[1]), "LINES": str(SIZE[0])},
        stdout=terminal,
        stderr=terminal,
        stdin=subprocess.DEVNULL,
    )
    os.close(terminal)
    written = b""
    while select.select([controller], [], [], 120)[0]:
        try:
            found = os.read(controller, 65536)
        except OSError:  # the other end is closed
            break
        written += found
        stream.feed(found)
    os.close(controller)
    assert run.wait(timeout=60) == 0
    return written.decode(), [line.rstrip() for line in screen.display]


def left_over(host: Host) -> list[Path]:
    return list((host.path / "temporary").glob("matalign-*"))


@pytest.mark.parametrize("workers", ["0", "2"])
def test_on_a_terminal_a_line_is_rewritten_and_leaves_nothing(slow: Host, workers: str) -> None:
    """It tells embeddings, speed, time left and who is at work; then it is gone."""
    written, screen = in_a_terminal(slow, "-n", workers)
    assert len(TOLD.findall(written)) > 2
    assert re.search(r"slow on qm9 \d+/60", written)
    assert not any("matalign: " in line and "embeddings" in line for line in screen)
    assert any(line.startswith("mini: ") for line in screen)
    assert left_over(slow) == []


def test_the_live_line_does_not_touch_what_pytest_writes(slow: Host) -> None:
    """Every dot stands where it would without it."""
    _, screen = in_a_terminal(slow, "-n", "2", "--no-header")
    assert [line for line in screen if re.fullmatch(r"\.{10} +\[100%\]", line)]


@pytest.mark.parametrize("workers", ["0", "2"])
def test_elsewhere_plain_lines_are_written(slow: Host, workers: str) -> None:
    """One at the start, one now and then, one at the end; no escape sequences."""
    done = subprocess.run(
        command("-n", workers), cwd=slow.path, env=environment(slow), capture_output=True,
        text=True, check=True, timeout=120,
    )  # fmt: skip
    told = [line for line in done.stdout.splitlines() if line.startswith("matalign: ")]
    lines = [line for line in told if "embeddings" in line]
    assert len(lines) >= 2
    assert lines[-1].startswith("matalign: 4 of 4 embeddings, ")
    assert "\x1b" not in done.stdout
    assert left_over(slow) == []


@pytest.mark.parametrize("arguments", [("-q",), ("-q", "-n", "2"), ("-p", "no:terminal")])
def test_a_quiet_run_tells_nothing(slow: Host, arguments: tuple[str, ...]) -> None:
    """As asked."""
    done = subprocess.run(
        command(*arguments), cwd=slow.path, env=environment(slow), capture_output=True,
        text=True, check=True, timeout=120,
    )  # fmt: skip
    assert " embeddings, " not in done.stdout
    assert left_over(slow) == []


def test_nothing_is_told_of_embeddings_that_were_in_the_store(host: Host) -> None:
    """There is nothing to wait for."""
    for computed in (True, False):
        done = subprocess.run(
            command(), cwd=host.path, capture_output=True, text=True, check=True, timeout=120
        )
        assert (" of 3 embeddings" in done.stdout) == computed


def test_the_line_counts_what_was_computed_and_not_what_the_store_had() -> None:
    """Else a store half full would promise a speed that the model does not have."""
    board = Board()
    board.expect({"a": 100, "b": 100})
    assert not board.busy
    board.note("gw0", Working(90, 100, "m", "s"))
    assert board.line() == "matalign: 0 of 2 embeddings: m on s 90/100"
    board.note("gw0", Working(100, 100, "m", "s"))
    assert "samples/s, about " in board.line()
    board.note("gw0", None)
    board.finish("a")
    board.finish("no check of ours")
    assert board.line().startswith("matalign: 1 of 2 embeddings, ")
    assert board.busy
