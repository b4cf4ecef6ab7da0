"""`matalign embed`: rows of the user's own samples in a file, or of a split in the store."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_matalign.cli.main import INTERRUPTED
from pytest_matalign.cli.options import FILE, MODELS, options_of, split_option
from pytest_matalign.escaping import terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_SHARD = re.compile(r"([1-9]\d*)/([1-9]\d*)")


def shard(_ctx: click.Context, _param: click.Parameter, text: str) -> tuple[int, int]:
    """Return `i/n` as numbers, with i from 1 to n.

    Raises:
        click.BadParameter: If it is anything else.
    """
    match = _SHARD.fullmatch(text)
    if not match or int(match[1]) > int(match[2]):
        raise click.BadParameter(f"{text!r} is not a shard; write i/n with i from 1 to n")
    return int(match[1]), int(match[2])


@click.command()
@click.argument(
    "models", shell_complete=MODELS, nargs=-1, required=True, metavar="MODEL FILE|MODELS..."
)
@click.option("-o", "--output", type=FILE, metavar="OUT", help="write the rows, .npz or .parquet")
@click.option(
    "--per",
    type=click.Choice(("sample", "atom")),
    default="sample",
    help="a row per sample, or per atom (default: sample)",
)
@click.option("--layer", metavar="NAME", help="an inner layer (default: the one on the card)")
@click.option(
    "--pool",
    type=click.Choice(("mean", "sum", "none")),
    default="mean",
    help="how the atoms of a sample make its row (default: mean)",
)
@click.option(
    "--input",
    "form",
    type=click.Choice(("atoms", "smiles", "sequence", "backbone")),
    help="what a factory reads (default: what the file holds)",
)
@click.option("--id", "key", metavar="NAME", help="column or key of the ids (default: id)")
@split_option(required=False)
@options_of("embed")
@click.option(
    "--shard",
    "part",
    callback=shard,
    default="1/1",
    metavar="I/N",
    help="of a split: only every N-th block of samples, from the I-th on, such as 1/4 "
    "(default: all)",
)
def command(
    *, models: tuple[str, ...], split: str | None, output: Path | None, **given: Any
) -> int:
    """Embed your own samples with MODEL and write the rows, with their ids, into OUT.

    FILE is extended XYZ, CIF, POSCAR, CSV or SMI of SMILES, FASTA, PDB or mmCIF, or a folder of
    such files. MODEL is a model of the zoo, `package.module:factory`, `family:checkpoint.file` or
    `hf:org/name@<commit>`. What is refused stands in OUT.refused.csv, with the reason.

    With --split: embed a split with models of the zoo and keep the rows in the store, or with one
    MODEL of any kind and write them into OUT.

    What is in the store already is not computed again, and an interrupted call goes on where it
    was. Leaves with 1 if a model fails.
    """
    if split is not None and output is None:
        return _embed_split(models, split, given)
    if output is None or len(models) != (2 if split is None else 1):
        raise click.UsageError(
            "name MODEL, FILE and -o OUT for samples of your own, or models and --split"
        )
    return _embed_file(models, split, output, given)


def _embed_file(
    models: Sequence[str], split: str | None, output: Path, given: Mapping[str, Any]
) -> int:
    from pytest_matalign.embeddings.own import own_rows, rows_of
    from pytest_matalign.embeddings.own_table import write_own
    from pytest_matalign.splits.load import load_split

    try:
        found = own_rows(
            models[0],
            Path(models[1]) if split is None else load_split(split, samples=given["samples"]),
            rows=rows_of(given["per"], given["pool"]),
            **{name: given[name] for name in ("layer", "form", "key", "store", "allow_pickle")},
        )
    except KeyboardInterrupt:
        return _interrupted()
    told = write_own(output, found)
    click.echo(terminal(told))
    return 0


def _embed_split(models: Sequence[str], split: str, given: Mapping[str, Any]) -> int:
    from pytest_matalign.cache import cache_root
    from pytest_matalign.embeddings.parts import Part, embed_all, shards_of
    from pytest_matalign.errors import MatalignError
    from pytest_matalign.executor import Here, executor_of
    from pytest_matalign.progress import Line, Silent
    from pytest_matalign.splits.load import load_split
    from pytest_matalign.zoo.catalogue import card

    size = len(load_split(split, samples=given["samples"]).samples)
    with closing(executor_of(given["cluster"])) as executor:
        alone = isinstance(executor, Here)
        if not alone and given["part"] != (1, 1):
            raise click.UsageError("--shard is for job arrays; --cluster makes shards of its own")
        # Enough shards to keep all workers busy, and no more: each loads the model.
        shards = shards_of(size, wanted=-(-executor.workers // len(models)))
        parts = [
            Part(
                model=card(model).id,
                split=split,
                samples=given["samples"],
                shard=shard,
                store=(given["store"] or cache_root()).absolute(),
                allow_pickle=given["allow_pickle"],
                batch_seconds=given["batch_seconds"],
                quiet=not alone,
            )
            for model in models
            for shard in ([given["part"]] if alone else shards)
        ]
        failed = False
        with closing(Silent() if alone else Line("embedded", unit=" parts")) as line:
            try:
                for done, (part, told) in enumerate(embed_all(executor, parts), start=1):
                    wrong = isinstance(told, MatalignError)
                    failed |= wrong
                    said = f"{part.model} on {split}: FAILED: {told}" if wrong else str(told)
                    click.echo(terminal(said))
                    line(done=done, total=len(parts))
            except KeyboardInterrupt:
                return _interrupted()
    return 1 if failed else 0


def _interrupted() -> int:
    click.echo("interrupted; the same call goes on from the last whole block", err=True)
    return INTERRUPTED
