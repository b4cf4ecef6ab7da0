"""`matalign same`: whether two ways of running one model give the same."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_matalign.cli.options import COUNT, FILE, MODELS, SPLITS, options_of
from pytest_matalign.escaping import terminal

if TYPE_CHECKING:
    from pytest_matalign.verdicts.same import Comparison

STATUS = {"same": 0, "differs": 1, "undecided": 125}
"""Exit status: 125 is how `git bisect run` is told to skip a commit."""
FORWARD = (
    "Rows come from the forward pass alone: a fault of the backward pass, as of forces, does not "
    "move them. --channel energy,forces compares those of ASE calculators."
)


@click.command()
@click.argument("a", shell_complete=MODELS, required=False, metavar="[A]")
@click.argument("b", shell_complete=MODELS, required=False, metavar="[B]")
@click.option(
    "--split",
    shell_complete=SPLITS,
    metavar="ID|PATH",
    help="bundled split, its card, or a file of samples (default: a usual one of the input)",
)
@click.option("--samples", type=COUNT, metavar="N", help="the first N samples (default: 100)")
@click.option(
    "--channel",
    default="rows",
    metavar="NAMES",
    help="rows, energy, forces, joined by commas (default: rows)",
)
@click.option(
    "--limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="X",
    help="largest distance of a row that counts as none, in median distances between samples "
    "(default: 0.05)",
)
@click.option(
    "--input",
    type=click.Choice(("atoms", "smiles", "sequence", "backbone")),
    help="what a factory reads (default: as in [tool.matalign], or as the samples say)",
)
@click.option("--json", "file", type=FILE, metavar="FILE", help="write what was found as JSON")
@options_of("same")
def command(
    *,
    a: str | None,
    b: str | None,
    channel: str,
    file: Path | None,
    allow_pickle: bool,
    **given: Any,
) -> int:
    """Tell whether A and B are the same model, sample by sample.

    A and B are ways to run it: a model of the zoo, `package.module:factory`,
    `family:checkpoint.file`, `hf:org/name@<commit>` or a file of rows that `matalign embed` wrote;
    `@PATH` after it runs it in a process of another Python (`@venv/bin/python`, `@venv`) or with
    the code of another folder (`@../main`). Without A and B: the pairs of `same` in
    [tool.matalign].

    Leaves with 0 if they are the same, 1 if they differ, and 125 if nobody can tell, so that `git
    bisect run matalign same good.npz my_package:factory` finds the commit.
    """
    import msgspec

    from pytest_matalign.errors import MatalignError
    from pytest_matalign.progress import embedding_line
    from pytest_matalign.run.same import SamePair, compare_ways, no_pairs
    from pytest_matalign.run.settings import host_table

    here = Path.cwd()
    host = host_table(here)
    asked = {name: value for name, value in given.items() if value is not None}
    channels = tuple(one.strip() for one in channel.split(","))
    if (a is None) != (b is None) or (a is None and not host.same):
        raise no_pairs()
    pairs = host.same
    if a is not None:
        pairs = (msgspec.convert({"a": a, "b": b, "channel": channels, **asked}, SamePair),)
    found, status = [], 0
    for pair in pairs:
        try:
            compared = compare_ways(
                pair,
                root=here,
                run_id=uuid.uuid4().hex,
                progress=embedding_line,
                form=host.input,
                allow_pickle=allow_pickle or host.allow_pickle,
            )
        except MatalignError as error:
            click.echo(terminal(f"matalign: cannot tell {pair.a} from {pair.b}: {error}"), err=True)
            status = status or STATUS["undecided"]
            continue
        found.append(compared)
        _show(compared)
        ranked = (status, STATUS[compared.verdict])
        status = 1 if 1 in ranked else max(ranked)
    if file is not None:
        from pytest_matalign.cache import write_output

        write_output(file, msgspec.json.format(msgspec.json.encode(found)))
    return status


def _show(compared: Comparison) -> None:
    from pytest_matalign.cli.tables import print_table

    click.echo(terminal(f"{compared.verdict}: {compared.a} and {compared.b} on {compared.split}"))
    click.echo(terminal(f"  {compared.why}"))
    print_table(
        [
            [
                one.name,
                one.verdict,
                str(one.n),
                f"{one.largest:.2g}",
                f"{one.p99:.2g}",
                f"{one.limit:g}",
                "" if one.kept is None else f"{one.kept:.1%}",
                one.unit,
            ]
            for one in compared.channels
        ],
        ["channel", "verdict", "n", "largest", "99 %", "limit", "kept", "unit"],
    )
    for one in compared.channels:
        if one.moved:
            named = ", ".join(
                f"{s.id} {s.distance:.2g}" for s in one.worst if s.distance > one.limit
            )
            click.echo(terminal(f"  moved most in {one.name}: {named}"))
    for sample, reason in list(compared.refused.items())[:10]:
        click.echo(terminal(f"  taken by one only: {sample}: {reason}"))
    if [one.name for one in compared.channels] == ["rows"]:
        click.echo(FORWARD)
