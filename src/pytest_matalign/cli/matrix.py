"""`matalign matrix`: every metric of every pair of models, of rows that exist already."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_matalign.cli.options import FILE, FOLDER, MODELS, options_of, split_option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_matalign.engine.spaces import Precision


def metric(_ctx: click.Context, _param: click.Parameter, given: Sequence[str]) -> dict[str, int]:
    """Return `NAME` or `NAME:K` as k by name, 0 for the table's own.

    Raises:
        click.BadParameter: If a k is no whole number from 1.
    """
    found = {}
    for text in given:
        name, colon, k = text.partition(":")
        if colon and not (k.isdecimal() and int(k) > 0):
            raise click.BadParameter(f"{text!r}: write NAME or NAME:K with K from 1")
        found[name] = int(k) if colon else 0
    return found


def file_of_rows(
    _ctx: click.Context, _param: click.Parameter, given: Sequence[str]
) -> dict[str, Path]:
    """Return `NAME=FILE` as files by name.

    Raises:
        click.BadParameter: If it is anything else.
    """
    found = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise click.BadParameter(f"{text!r}: write NAME=FILE, such as mine=rows.npz")
        found[name] = Path(path)
    return found


@click.command()
@click.argument("models", shell_complete=MODELS, nargs=-1)
@split_option()
@click.option(
    "--file",
    "files",
    callback=file_of_rows,
    multiple=True,
    metavar="NAME=FILE",
    help="rows of a model of your own, as `write_embeddings` writes them; may be repeated",
)
@options_of("matrix")
@click.option(
    "--metric",
    "metrics",
    callback=metric,
    multiple=True,
    metavar="NAME[:K]",
    help="metric, with its neighbours; may be repeated (default: all that scale)",
)
@click.option("--preprocess", default="center-l2", show_default=True, help="of the features")
@click.option("--statistics", is_flag=True, help="also standard errors and permutation nulls")
@click.option(
    "--precision",
    type=click.Choice(("float32", "float64")),
    default="float32",
    show_default=True,
    help="of rows and products; float32 is exact to about 1e-5",
)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda")
@click.option(
    "--checkpoint",
    type=FOLDER,
    metavar="DIR",
    help="keep progress here; the same call goes on after an interruption",
)
@click.option(
    "--output",
    "-o",
    type=FILE,
    required=True,
    metavar="PREFIX",
    help="write PREFIX.npz, PREFIX.json and PREFIX.html",
)
def command(  # noqa: PLR0913  click hands every option over by its name
    *,
    models: tuple[str, ...],
    split: str,
    samples: int | None,
    files: Mapping[str, Path],
    store: Path | None,
    pack: tuple[str, ...],
    metrics: Mapping[str, int],
    preprocess: str,
    statistics: bool,
    precision: Precision,
    device: str,
    checkpoint: Path | None,
    cluster: str | None,
    output: Path,
) -> int:
    """Compare every pair of MODELS (ids or patterns) on a split by every metric.

    Rows come from the store, packs and files; no model is run (`matalign embed` does that).
    Without MODELS all that the store or a pack holds are taken. Models are compared on the samples
    that all of them have.
    """
    from pytest_matalign.cache import cache_root
    from pytest_matalign.embeddings.gathered import Wanted, common, gathered, rows_again
    from pytest_matalign.engine.matrix import IN_BLOCKS, alignment_matrix
    from pytest_matalign.executor import executor_of
    from pytest_matalign.progress import PassLines
    from pytest_matalign.report import matrix as files_of

    if cluster is not None and checkpoint is None:
        raise click.UsageError("--cluster needs --checkpoint DIR on a disk that all workers share")
    wanted = Wanted(
        models=models,
        files={name: path.absolute() for name, path in files.items()},
        packs=pack,
        split=split,
        samples=samples,
        store=(store or cache_root()).absolute(),
        here=Path.cwd(),
    )
    cut, found, left_out = gathered(wanted)
    ids = common(found, left_out, cut, told=bool(models))
    executor = executor_of(cluster)
    with PassLines() as progress, closing(executor):
        result = alignment_matrix(
            {name: one.rows(ids) for name, one in found.items()},
            metrics=tuple(metrics) or IN_BLOCKS,
            preprocess=preprocess,
            k={name: k for name, k in metrics.items() if k},
            statistics=statistics,
            precision=precision,
            device=device,
            checkpoint=checkpoint.absolute() if checkpoint else None,
            progress=progress,
            executor=executor,
            again=partial(rows_again, wanted, tuple(found), ids),
        )
    document = files_of.document(
        result,
        split=cut.card.id,
        split_fingerprint=cut.fingerprint,
        samples=ids,
        precision=precision,
        origins={name: one.origin for name, one in found.items()},
        left_out=left_out,
    )
    files_of.write_npz(result, ids, output.with_name(f"{output.name}.npz"))
    files_of.write_json(document, output.with_name(f"{output.name}.json"))
    files_of.write_page(document, output.with_name(f"{output.name}.html"))
    for name, reason in left_out.items():
        click.echo(f"left out: {name}: {reason}")
    click.echo(
        f"{len(found)} models, {len(ids)} samples of {cut.card.id}, "
        f"{len(result.values)} tables: {output}.npz, .json, .html"
    )
    return 0
