"""Tables of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence


def print_table(
    rows: Sequence[Sequence[str]],
    head: Sequence[str],
    *,
    widths: Sequence[int | None] | None = None,
) -> None:
    """Print rows under their heads, in columns of at most these widths."""
    from pytest_matalign.scorecard.tables import text_table

    for line in text_table(head, rows, widths=widths):
        click.echo(line)
