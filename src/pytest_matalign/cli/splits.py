"""`matalign splits`: the bundled splits."""

from __future__ import annotations

import click

from pytest_matalign.cli.options import SPLITS, Actions


@click.group(cls=Actions)
def command() -> None:
    """The samples that models are compared on."""


@command.command("list")
def list_() -> None:
    """List the bundled splits."""
    from pytest_matalign.cli.tables import print_table
    from pytest_matalign.splits.catalogue import split_cards

    # Labels and licence run to paragraphs; `matalign splits show` has them.
    head = ["split", "domain", "role", "samples", "inputs", "fingerprint", "title"]
    rows = []
    for one in split_cards().values():
        inputs, fingerprint = ", ".join(one.inputs), (one.fingerprint or "")[:12]
        rows.append([one.id, one.domain, one.role, str(one.count), inputs, fingerprint, one.title])
    print_table(rows, head)


@command.command()
@click.argument("split", shell_complete=SPLITS)
def show(split: str) -> None:
    """Show all that is known of SPLIT: its samples, labels, source and licence."""
    import msgspec

    from pytest_matalign.splits.catalogue import split_card

    for name, field in msgspec.to_builtins(split_card(split)).items():
        if field not in (None, [], {}, ""):
            click.echo(f"{name}: {field}")
