"""`matalign store`: what is kept of earlier runs, whether it is whole, and what may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pytest_matalign.cli.options import Actions, options_of
from pytest_matalign.escaping import terminal

if TYPE_CHECKING:
    from pathlib import Path


@click.group(cls=Actions)
def command() -> None:
    """Look after the store of embeddings and results."""


@command.command()
@options_of("store")
def verify(*, store: Path | None) -> int:
    """Read every entry and hold it against its digest; leaves with 1 if one is damaged.

    A damaged entry does no harm: a run that needs it warns and computes it again.
    """
    from pytest_matalign.embeddings.upkeep import entries, fault

    whole = damaged = 0
    for entry in entries(_root(store)):
        if why := fault(entry):
            damaged += 1
            click.echo(terminal(why))
        else:
            whole += 1
    click.echo(f"{whole} entries are whole, {damaged} are damaged")
    return 1 if damaged else 0


@command.command()
@options_of("store")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="also entries that were written longer ago (default: none)",
)
def prune(*, store: Path | None, older_than: float | None) -> int:
    """Remove damaged entries and what writers that were killed left behind."""
    from pytest_matalign.embeddings.upkeep import prune as pruned

    files, size = pruned(_root(store), older_than=older_than)
    click.echo(f"{files} files removed, {size / 2**20:.1f} MiB")
    return 0


@command.command()
@options_of("store")
def du(*, store: Path | None) -> int:
    """Tell how much the rows of each model take, the largest first."""
    from pytest_matalign.cli.tables import print_table
    from pytest_matalign.embeddings.upkeep import sizes

    rows, results = sizes(_root(store))
    print_table(
        [[model, split, f"{size / 2**20:.2f}"] for (model, split), size in rows.most_common()],
        ["model", "split", "MiB"],
    )
    total = (sum(rows.values()) + results) / 2**20
    click.echo(f"{total:.1f} MiB in all, {results / 2**20:.1f} of results")
    return 0


def _root(store: Path | None) -> Path:
    from pytest_matalign.cache import cache_root

    return store or cache_root()
