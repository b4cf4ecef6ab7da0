"""What others wrote, made harmless: one function per medium in which it is shown.

Models, samples, suites and their reasons are text of strangers. In a terminal it could move the
cursor, in a CI log give the runner commands, in Markdown forge a heading or a link.
"""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that turn the direction of text, and halves of surrogate pairs."""
_MARKUP = re.compile(r"[\\`*|\[\]~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_BLOCK = re.compile(r"^(\s*(?:\d+(?=[.)](?:\s|$)))?)(?=[#.)]|[+-](?:\s|$)|(?:=+|-+)\s*$)")
"""Where a line would begin a heading, a list or a rule."""
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@\u200b"})


def terminal(text: str) -> str:
    """Return text for one line of a terminal, a log or an error: nothing in it is obeyed.

    The runners of CI take `::` at the start of a line, and `##[` anywhere, for a command.
    """
    line = _CONTROL.sub(_shown, text).replace("##[", "##\\[")
    return re.sub(r"^(\s*)::", r"\1\\::", line)


def terminal_lines(text: str) -> str:
    """Return text of several lines for a terminal."""
    return "\n".join(map(terminal, text.splitlines()))


def markdown(text: str) -> str:
    """Return text for one line or cell of Markdown: shown as it is, without markup or links."""
    line = _CONTROL.sub(_shown, text).translate(_ENTITIES)
    line = _BLOCK.sub(r"\1\\", _MARKUP.sub(r"\\\g<0>", line))
    return re.sub(r"(?i)(https?|ftp|mailto)(:)|\b(www)(\.)", _unlinked, line)


def code(text: str) -> str:
    """Return text as code in Markdown, where nothing but the fence itself means anything."""
    return f"`{_CONTROL.sub(_shown, text).replace('`', chr(39))}`"


def command(text: str) -> str:
    """Return text for the data of a workflow command, which ends with its line."""
    return _CONTROL.sub(_shown, text.replace("%", "%25").replace("\n", "%0A"))


def command_property(text: str) -> str:
    """Return text for a property of a workflow command."""
    return command(text).replace(":", "%3A").replace(",", "%2C")


def _shown(found: re.Match[str]) -> str:
    character = found[0]
    return " " if character in "\t\n\r" else f"\\x{ord(character):02x}"


def _unlinked(found: re.Match[str]) -> str:
    """Part the name of a protocol from what follows, so that no link is made of it."""
    return "\u200b".join(filter(None, found.groups()))
