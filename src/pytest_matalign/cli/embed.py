"""`matalign embed`: rows of the user's own samples in a file, or of a split in the store."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_matalign.cli.main import INTERRUPTED
from pytest_matalign.cli.options import FILE, MODELS, options_of, split_option
from pytest_matalign.escaping import terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_matalign.embeddings.store import Store
    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.splits.split import Split
    from pytest_matalign.zoo.card import ModelCard

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

    With --split: embed a split with models of the zoo and keep the rows in the store.

    What is in the store already is not computed again, and an interrupted call goes on where it
    was. Leaves with 1 if a model fails.
    """
    if split is not None and output is None:
        return _embed_split(models, split, given)
    if output is None or split is not None or len(models) != 2:
        raise click.UsageError(
            "name MODEL, FILE and -o OUT for samples of your own, or models and --split"
        )
    return _embed_file(models[0], models[1], output, given)


def _embed_file(model: str, file: str, output: Path, given: Mapping[str, Any]) -> int:
    from pytest_matalign.embeddings.own import own_rows, rows_of
    from pytest_matalign.embeddings.own_table import write_own

    try:
        found = own_rows(
            model,
            Path(file),
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
    from pytest_matalign.embeddings.store import Store
    from pytest_matalign.errors import MatalignError
    from pytest_matalign.run.suite_run import patient
    from pytest_matalign.splits.load import load_split
    from pytest_matalign.zoo.catalogue import card

    cards = patient({model: card(model) for model in models}, given["batch_seconds"]).values()
    loaded = load_split(split, samples=given["samples"])
    kept = Store(given["store"] or cache_root())
    failed = False
    for one in cards:
        try:
            told = _embed_one(
                one, loaded, kept, part=given["part"], allow_pickle=given["allow_pickle"]
            )
        except MatalignError as error:
            failed = True
            told = f"{one.id} on {loaded.card.id}: FAILED: {error}"
        except KeyboardInterrupt:
            return _interrupted()
        click.echo(terminal(told))
    return 1 if failed else 0


def _interrupted() -> int:
    click.echo("interrupted; the same call goes on from the last whole block", err=True)
    return INTERRUPTED


def blocks_of(samples: Sequence[Sample], *, part: tuple[int, int]) -> list[Sample]:
    """The samples of a shard: whole blocks as the store keeps them, so that shards add up."""
    from pytest_matalign.embeddings.extraction import BLOCK

    index, count = part
    starts = range((index - 1) * BLOCK, len(samples), count * BLOCK)
    return [sample for start in starts for sample in samples[start : start + BLOCK]]


def _embed_one(
    card: ModelCard, split: Split, store: Store, *, part: tuple[int, int], allow_pickle: bool
) -> str:
    """Embed one model; what was done, in one line."""
    from dataclasses import replace

    from pytest_matalign.embeddings.obtain import Door, Extracted
    from pytest_matalign.embeddings.sources import ZooSource
    from pytest_matalign.environments.loading import environment_of
    from pytest_matalign.progress import Line

    samples = tuple(blocks_of(split.samples, part=part))
    index, count = part
    whole = f"{card.id} on {split.card.id}" + (f", shard {index}/{count}" if count > 1 else "")
    start = time.monotonic()
    source = Extracted(
        card.id,
        lambda: ZooSource(card, allow_pickle=allow_pickle),
        part=f"{index}/{count}" if count > 1 else "",
    )
    door = Door(store=store, progress=lambda **_: Line(whole))
    found = door.obtain(source, replace(split, samples=samples))
    environment = environment_of(card)
    where = f" in the environment {environment.name}" if environment else ""
    how = "were in the store" if found.origin == "store" else f"embedded{where}"
    width = f", width {found.vectors.shape[1]}" if len(found) else ""
    refused = f", {len(found.refused)} refused" if found.refused else ""
    seconds = time.monotonic() - start
    return f"{whole}: {len(found)} samples {how}{refused}{width}, {seconds:.1f} s"
