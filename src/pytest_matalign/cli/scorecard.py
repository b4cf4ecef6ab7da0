"""`matalign scorecard`: what a run found, to read, to compare and to publish."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_matalign.cli.options import FILE, FOLDER, Actions, all_of, options_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.report.companion import Companion
    from pytest_matalign.scorecard.model import Scorecard

JSON = click.Path(path_type=Path, dir_okay=False, exists=True)


def _read(_ctx: click.Context, _param: click.Parameter, path: Path | None) -> Scorecard | None:
    from pytest_matalign.scorecard.model import read_scorecard

    return read_scorecard(path) if path else None


@click.group(cls=Actions)
def command() -> None:
    """Show, compare and publish scorecards written with `--matalign-json` or `gate --json`."""


@command.command()
@click.argument("scorecard", type=JSON, callback=_read)
@click.option("--markdown", "as_markdown", is_flag=True, help="as Markdown")
def show(scorecard: Scorecard, *, as_markdown: bool) -> None:
    """Print SCORECARD as the run printed it."""
    from shutil import get_terminal_size

    from pytest_matalign.scorecard import markdown, terminal

    if as_markdown:
        click.echo(markdown.render(scorecard), nl=False)
        return
    for line in terminal.lines(scorecard, width=get_terminal_size().columns):
        click.echo(line.text)


@command.command()
@click.argument("before", type=JSON, callback=_read)
@click.argument("after", type=JSON, callback=_read)
@click.option(
    "--fail",
    is_flag=True,
    help="exit with 1 if a check fails in AFTER that did not in BEFORE, or lost alignment "
    "beyond doubt",
)
@click.option("--tolerance", type=float, help="loss still accepted (default: 0.02)")
def compare(before: Scorecard, after: Scorecard, *, fail: bool, tolerance: float | None) -> int:
    """Print what changed from BEFORE to AFTER, as Markdown."""
    from pytest_matalign.scorecard.compare import compare, markdown
    from pytest_matalign.verdicts.regression import TOLERANCE

    accepted = TOLERANCE if tolerance is None else tolerance
    found = compare(before, after, tolerance=accepted)
    click.echo(markdown(found), nl=False)
    return 1 if fail and found.worse else 0


@command.command()
@click.argument("scorecard", type=JSON, callback=_read)
def badge(scorecard: Scorecard) -> None:
    """Print an SVG badge of SCORECARD."""
    from pytest_matalign.scorecard.badge import badge

    click.echo(badge(scorecard), nl=False)


@command.command()
@click.argument("kind", type=click.Choice(("hf", "badge", "mlflow", "trackio", "wandb")))
@click.argument("file", type=JSON)
@click.option("-o", "--output", type=FILE, metavar="OUT", help="of hf and badge (default: stdout)")
@click.option("--dataset", metavar="ID", help="of hf: the benchmark's dataset repository")
@click.option("--revision", metavar="SHA", help="of hf: its commit")
@click.option("--source", metavar="URL", help="of hf: where the run can be looked at")
@click.option(
    "--project", default="alignment", show_default=True, metavar="NAME", help="of a tracker"
)
def export(
    *,
    kind: str,
    file: Path,
    output: Path | None,
    dataset: str | None,
    revision: str | None,
    source: str | None,
    project: str,
) -> None:
    """Send the scorecard FILE where results are looked for.

    KIND is hf|badge|mlflow|trackio|wandb. `hf` makes a file for `.eval_results/` of a model's
    repository on the Hugging Face hub, `badge` the JSON of a shields.io endpoint; the others log
    numbers to a tracker that is installed.
    """
    from pytest_matalign.cache import write_output
    from pytest_matalign.scorecard.export import endpoint, hub_results, track
    from pytest_matalign.scorecard.model import read_scorecard

    scorecard = read_scorecard(file)
    if kind == "hf":
        if dataset is None:
            raise click.UsageError("name the benchmark's dataset repository with --dataset")
        text = hub_results(scorecard, dataset=dataset, revision=revision, source=source)
    elif kind == "badge":
        text = endpoint(scorecard)
    else:
        track(kind, scorecard, file, project=project, name=scorecard.candidate or "run")
        return
    if output is None:
        click.echo(text, nl=False)
    else:
        write_output(output, text.encode())


@command.command()
@click.argument("files", type=JSON, nargs=-1, required=True)
@click.option("--html", type=FILE, metavar="FILE", help="write a page with a line per split")
def history(*, files: tuple[Path, ...], html: Path | None) -> None:
    """Print how alignment and self-check went over releases, the scorecards FILES in their order.

    A release is called by its file's name.
    """
    from pytest_matalign.cache import write_output
    from pytest_matalign.cli.tables import print_table
    from pytest_matalign.scorecard.history import page, table
    from pytest_matalign.scorecard.model import read_scorecard

    cards = {path.stem: read_scorecard(path) for path in files}
    head, rows = table(cards)
    print_table(rows, head)
    if html is not None:
        write_output(html, page(cards).encode())


@command.command()
def schema() -> None:
    """Print the JSON Schema of scorecards."""
    from pytest_matalign.scorecard.schema import schema_text

    click.echo(schema_text(), nl=False)


_sources = all_of(
    click.option("--no-store", is_flag=True, help="only what the scorecard holds"),
    click.option(
        "--pack",
        "packs",
        type=FOLDER,
        multiple=True,
        metavar="DIR",
        help="pack the run took references from; may be repeated",
    ),
    click.option(
        "--candidate-file",
        type=FILE,
        metavar="NPZ",
        help="the candidate, where the run took it from a file",
    ),
    click.option(
        "--split",
        "splits",
        type=FILE,
        multiple=True,
        metavar="TOML",
        help="card of a split that is not bundled; may be repeated",
    ),
)
"""Options that say where the embeddings of a run are found."""


@command.command()
@click.argument("scorecard", type=JSON, callback=_read)
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=Path("report.html"),
    show_default=True,
    metavar="FILE",
    help="the page",
)
@click.option("--baseline", type=JSON, callback=_read, metavar="JSON", help="an earlier scorecard")
@click.option("--baseline-store", type=FOLDER, metavar="DIR", help="its store")
@options_of("scorecard report")
@_sources
@click.option("--quick", is_flag=True, help="without the tree and the figure of accuracy")
def report(
    *,
    scorecard: Scorecard,
    output: Path,
    baseline: Scorecard | None,
    quick: bool,
    **sources: Any,
) -> None:
    """Write SCORECARD as one self-contained HTML page."""
    from pytest_matalign.report.page import write_html

    companion = _Sources(**sources).companion(scorecard, baseline=baseline, analyses=not quick)
    write_html(scorecard, output, companion=companion, baseline=baseline)
    for note in companion.left_out if companion else ():
        click.echo(f"matalign: {note}", err=True)
    click.echo(f"written: {output}")


@command.command()
@click.argument("scorecard", type=JSON, callback=_read)
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    default=Path("figures"),
    show_default=True,
    metavar="DIR",
    help="folder of the figures",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(("svg", "pdf", "png")),
    default="svg",
    show_default=True,
    help="of the files",
)
@click.option(
    "--columns",
    type=click.IntRange(1, 2),
    default=1,
    show_default=True,
    help="width in columns of a page",
)
@options_of("scorecard figures")
@_sources
def figures(
    *, scorecard: Scorecard, output: Path, file_format: str, columns: int, **sources: Any
) -> None:
    """Write figures of SCORECARD for a paper, one file each."""
    from pytest_matalign.report.figures import write_figures

    companion = _Sources(**sources).companion(scorecard)
    for path in write_figures(
        scorecard, output, file_format=file_format, columns=columns, companion=companion
    ):
        click.echo(f"written: {path}")


@dataclass(frozen=True, kw_only=True)
class _Sources:
    """Where the embeddings of a run are found; see the options of these names."""

    store: Path | None
    no_store: bool
    packs: tuple[Path, ...]
    candidate_file: Path | None
    splits: tuple[Path, ...]
    baseline_store: Path | None = None

    def companion(
        self, scorecard: Scorecard, *, baseline: Scorecard | None = None, analyses: bool = True
    ) -> Companion | None:
        """Return what a page shows beyond the scorecard; None if no store is to be read."""
        from pytest_matalign.cache import cache_root
        from pytest_matalign.embeddings.files import EmbeddingFile
        from pytest_matalign.embeddings.obtain import Door
        from pytest_matalign.embeddings.store import Store
        from pytest_matalign.progress import embedding_line
        from pytest_matalign.report.companion import build_companion
        from pytest_matalign.splits.card import read_card

        if self.no_store:
            return None
        doors = [
            Door(store=Store(folder), progress=embedding_line)
            for folder in (self.store or cache_root(), self.baseline_store)
            if folder
        ]
        file, candidate = self.candidate_file, scorecard.candidate
        return build_companion(
            scorecard,
            door=doors[0],
            split_files={read_card(path).id: path for path in self.splits},
            baseline=baseline,
            baseline_door=doors[-1],
            packs=_packs(self.packs),
            own=EmbeddingFile(candidate, file) if file and candidate else None,
            analyses=analyses,
        )


def _packs(folders: Iterable[Path]) -> list[Pack]:
    from pytest_matalign.embeddings.pack import Pack, bundled_pack

    bundled = bundled_pack()
    return [*map(Pack, folders), *([bundled] if bundled else [])]
