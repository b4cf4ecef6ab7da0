"""What others wrote is shown and not obeyed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_matalign.escaping import (
    code,
    command,
    command_property,
    markdown,
    terminal,
    terminal_lines,
)

FORGED = (
    "a\n### ✅ no failures",
    "\x1b[2J\x1b[32mpassed\x1b[0m",
    "::error::forged",
    " \t::set-output name=x::y",
    "##[error]forged",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1)) https://example.org www.example.org",
    "`</code> | **bold** __x__ ~~y~~ @everybody",
    "\u202egnp.exe",
    "1. list",
    "\ud800",
)
ANY = st.one_of(st.sampled_from(FORGED), st.text(), st.text("\n\r\x1b:#[<`|*_ a\\%,"))


@given(ANY)
def test_a_terminal_is_given_no_control_and_no_command(text: str) -> None:
    """One line, without escape sequences, that no runner takes for its own."""
    line = terminal(text)
    assert line.isprintable() or not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line)
    assert not line.lstrip().startswith("::")
    assert "##[" not in line
    line.encode()


@given(ANY)
def test_several_lines_are_each_harmless(text: str) -> None:
    """As of a traceback."""
    for line in terminal_lines(text).split("\n"):
        assert line == terminal(line) or "\\" in line
        assert not line.lstrip().startswith("::")


@given(ANY)
def test_markdown_is_given_no_markup(text: str) -> None:
    """No tag, no cell, no link, no code, no block."""
    line = markdown(text)
    assert not re.search(r"[\n\r<>\x1b]", line)
    bare = re.sub(r"\\.", "x", line)
    assert not re.search(r"[`*|\[\]~\\]", bare), line
    assert not re.match(r"\s*(#|>|[+-](\s|$)|=+\s*$|-+\s*$|\d+[.)](\s|$))", bare), line
    assert "://" not in line or not re.search(r"(https?|ftp)://", line)


@given(ANY)
def test_code_has_one_fence(text: str) -> None:
    """And nothing after it."""
    assert re.fullmatch(r"`[^`\n\r]*`", code(text))


@given(ANY)
def test_a_workflow_command_ends_where_we_end_it(text: str) -> None:
    """Neither its data nor its properties can begin another."""
    assert not re.search(r"[\n\r\x1b]", command(text))
    assert not re.search(r"[\n\r:,]", command_property(text))


@pytest.mark.parametrize("text", ["chgnet-0.3.0", "mutual_knn", "qm9/a and b: 0.3 < 0.5, at k = 5"])
def test_plain_text_stays_readable(text: str) -> None:
    """Names of models, metrics and reasons."""
    assert terminal(text) == text
    assert markdown(text).replace("&lt;", "<") == text
