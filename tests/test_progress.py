"""One way to tell how long work is getting on: live on a terminal, plain elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from pytest_matalign import progress
from pytest_matalign.progress import Line, embedding_line, say


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_elsewhere_a_line_is_written_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Done of total, rate and time left, each on a line of its own."""
    monkeypatch.setattr(progress, "PLAIN_S", 0.0)
    line = embedding_line(model="m", split="s")
    line(done=0, total=200)
    line(done=50, total=200)
    line.close()
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("m on s: 0/200 samples")
    assert second.startswith("m on s: 50/200 samples, ")
    assert second.endswith(" left")


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is told of what ends before the first line is due."""
    line = Line("quick")
    for done in range(5):
        line(done=done, total=5)
    line.close()
    assert capsys.readouterr().err == ""


def test_on_a_terminal_one_line_is_rewritten_and_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is told over and over in one place and is gone at the end."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    line = Line("m on s")
    for done in (0, 100, 200):
        line(done=done, total=200)
    line.close()
    assert "\n" not in terminal.getvalue()
    assert "m on s: 0/200 samples" in terminal.getvalue()
    assert terminal.getvalue().rstrip(" ").endswith("\r")


def test_a_line_that_was_never_told_anything_closes(capsys: pytest.CaptureFixture[str]) -> None:
    """As where everything was in the store."""
    Line("m on s").close()
    assert capsys.readouterr().err == ""


def test_what_is_said_carries_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, whole."""
    say("section atoms begun")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(" section atoms begun")
    assert line[2] == line[5] == ":"
