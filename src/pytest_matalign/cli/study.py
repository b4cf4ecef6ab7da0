"""`matalign study`: the paper's findings taken again with the models at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_matalign.cli.options import COUNT, FOLDER, options_of

if TYPE_CHECKING:
    from pytest_matalign.embeddings.policy import Policy

NAMES = (
    "paper",
    "regimes",
    "accuracy",
    "convergence",
    "dimension",
    "lineage",
    "reconstruction",
    "modality",
    "sensitivity",
    "atoms",
    "labels",
    "selection",
)


@click.command()
@click.argument("name", type=click.Choice(NAMES))
@click.option(
    "--out",
    type=FOLDER,
    default=Path("matalign-study"),
    show_default=True,
    metavar="DIR",
    help="folder for report, figures and tables",
)
@options_of("study")
@click.option("--samples", type=COUNT, metavar="N", help="of each split at most (default: all)")
@click.option("--allow-pickle", is_flag=True, help="run code that comes with weights")
@click.option("--no-energies", is_flag=True, help="measure performance by probes alone")
def command(  # noqa: PLR0913  click hands every option over by its name
    *,
    name: str,
    out: Path,
    store: Path | None,
    references: Policy | None,
    pack: tuple[str, ...],
    models: tuple[str, ...],
    samples: int | None,
    cluster: str | None,
    no_energies: bool,
    allow_pickle: bool,
) -> None:
    """Take the findings of arXiv 2512.03750 again with the models installed here.

    `paper` is all of it, every other NAME one section.
    """
    from pytest_matalign.cache import cache_root
    from pytest_matalign.study.plan import paper_plan
    from pytest_matalign.study.run import run_study
    from pytest_matalign.zoo.catalogue import cards

    plan = paper_plan(
        cards(),
        samples=samples,
        energies=not no_energies,
        allow_pickle=allow_pickle,
        references=references or "auto",
        packs=pack,
        models=models,
    )
    written = run_study(name, store=store or cache_root(), out=out, plan=plan, cluster=cluster)
    for path in written[:3]:
        click.echo(path)
