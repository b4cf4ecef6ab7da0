"""The one way tables are made: for a terminal, and for Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.escaping import markdown

if TYPE_CHECKING:
    from collections.abc import Sequence


def text_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    widths: Sequence[int | None] | None = None,
) -> list[str]:
    """Return the lines of a table, its columns at most of these widths (None: any)."""
    from tabulate import tabulate

    text = tabulate(
        rows, headers=head, tablefmt="simple", disable_numparse=True, maxcolwidths=widths
    )
    return [line.rstrip() for line in text.splitlines()]


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a Markdown table and the empty line after it; what would break a cell is escaped."""
    from tabulate import tabulate

    escaped = [[markdown(cell) for cell in row] for row in rows]
    text = tabulate(escaped, headers=head, tablefmt="github", disable_numparse=True)
    return [*text.splitlines(), ""]
