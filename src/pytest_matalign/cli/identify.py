"""`matalign identify`: which known model made a file of embeddings."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_matalign.cli.options import FILE, options_of
from pytest_matalign.escaping import terminal

SHOWN = 5


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "output", type=FILE, metavar="OUT", help="write what was found as JSON")
@options_of("identify")
def command(*, file: Path, output: Path | None, pack: tuple[str, ...], store: Path | None) -> int:
    """Tell which model made the rows of FILE, `.npz` or `.parquet` with sample ids.

    Looked for among the entries of packs and the rows in the store, on the samples in common; only
    samples of bundled splits, or samples that were embedded here, can be in common. Leaves with 0
    if a model is named, and with 1 for none of the known ones.
    """
    import msgspec

    from pytest_matalign.cache import cache_root, write_output
    from pytest_matalign.cli.tables import print_table
    from pytest_matalign.embeddings.files import read_rows_by_id
    from pytest_matalign.embeddings.known import known_rows
    from pytest_matalign.embeddings.pack_hub import packs_at_hand
    from pytest_matalign.errors import ConfigurationError
    from pytest_matalign.verdicts.identify import LEAST, identify

    rows = read_rows_by_id(file)
    packs = packs_at_hand(pack, root=Path.cwd())
    found = identify(rows, known_rows(rows, packs=packs, store=store or cache_root()))
    if not found.nearest:
        raise ConfigurationError(
            f"{file} has fewer than {LEAST} samples in common with any pack and with the store; "
            "give rows of a bundled split, as `matalign embed MODEL --split qm9 -o FILE` does."
        )
    first = found.nearest[0]
    if found.model is None:
        click.echo(terminal(
            f"none of the {len(found.nearest)} known models: the nearest, {first.model}, lies "
            f"{first.distance:.2g} median distances off (a model is named up to {found.bound:g})"
        ))  # fmt: skip
    else:
        moved = f"; {first.moved} of {first.n} rows lie further off" if first.moved else ""
        click.echo(terminal(f"{found.model}{moved}"))
    print_table(
        [
            [one.model, f"{one.distance:.2g}", f"{one.moved} of {one.n}", one.split, one.origin]
            for one in found.nearest[:SHOWN]
        ],
        ["model", "distance", "moved", "split", "origin"],
    )
    if output is not None:
        write_output(output, msgspec.json.format(msgspec.json.encode(found)))
    return 0 if found.model is not None else 1
