"""`matalign suites`: the bundled suites."""

from __future__ import annotations

import click

from pytest_matalign.cli.options import Actions


@click.group(cls=Actions)
def command() -> None:
    """What is expected of which models on which splits."""


@command.command("list")
def list_() -> None:
    """List the bundled suites."""
    from pytest_matalign.cli.tables import print_table
    from pytest_matalign.suites.load import bundled_suites, load_suite

    loaded = [load_suite(folder) for folder in bundled_suites().values()]
    rows = [
        [s.name, str(len(s.models)), ", ".join(split.id for split in s.split), s.title]
        for s in loaded
    ]
    print_table(rows, ["name", "models", "splits", "title"])
