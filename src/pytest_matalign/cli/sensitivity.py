"""`matalign sensitivity`: what the gate catches on the user's own model, and what it misses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pytest_matalign.cli.options import options_of, suite_run
from pytest_matalign.cli.tables import print_table

if TYPE_CHECKING:
    from pytest_matalign.run.sensitivity import Tried


@click.command()
@options_of("sensitivity")
@click.option("--untrained", is_flag=True, help="also its own network untrained, which is run")
def command(*, untrained: bool, **given: Any) -> None:
    """Change the candidate's rows in known ways and tell what the gate would say to each.

    The candidate stands as its own baseline, each change as the next release, in the `mode` of
    `[tool.matalign]`. Harmful changes must fail, harmless ones pass; each is drawn once, seeded.
    """
    from pytest_matalign.run.sensitivity import sensitivity

    run = suite_run(given)
    run.check()
    found: dict[tuple[str, str], dict[str, list[Tried]]] = {}
    for one in sensitivity(run, untrained=untrained):
        found.setdefault((one.change, one.right), {}).setdefault(one.split, []).append(one)
    splits = list(dict.fromkeys(split for by_split in found.values() for split in by_split))
    table = [
        [change, right, *(_cell(by_split.get(split, [])) for split in splits)]
        for (change, right), by_split in found.items()
    ]
    print_table(table, ["change of the rows", "must", *splits])
    every = [one for by_split in found.values() for tried in by_split.values() for one in tried]
    click.echo("")
    for right, words in (("fail", "harmful changes caught"), ("pass", "harmless changes passed")):
        scored = [one for one in every if one.right == right]
        unsure = sum(one.verdict == "undecided" for one in scored)
        hits = sum(one.correct for one in scored)
        click.echo(
            f"{words} (mode {run.settings.mode}): {hits} of {len(scored)}, {unsure} undecided"
        )
    for one in every:
        if not one.correct:
            click.echo(f"  {one.split}, {one.change}: {one.verdict}; {one.why}")


def _cell(tried: list[Tried]) -> str:
    """One verdict, or how many of several are right."""
    if not tried:
        return "–"
    if len(tried) == 1:
        return tried[0].verdict if tried[0].correct else f"{tried[0].verdict} !"
    hits = sum(one.correct for one in tried)
    return f"{hits} of {len(tried)}" + ("" if hits == len(tried) else " !")
