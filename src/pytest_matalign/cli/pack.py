"""`matalign pack`: build, verify, show, push and pull reference packs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pytest_matalign.cli.options import COUNT, FOLDER, SPLITS, Actions, options_of, suite_run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.embeddings.pack_build import Encoded
    from pytest_matalign.embeddings.pack_format import Encoding
    from pytest_matalign.metrics.spec import MetricSpec
    from pytest_matalign.run.suite_run import SuiteRun
    from pytest_matalign.suites.schema import SuiteSplit


@click.group(cls=Actions)
def command() -> None:
    """Embeddings of references, as one verifiable folder."""


@command.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--title", default="reference embeddings", show_default=True, help="what the pack holds"
)
@click.option(
    "--split",
    "splits",
    shell_complete=SPLITS,
    multiple=True,
    metavar="ID",
    help="only this split of the suites; may be repeated",
)
@click.option(
    "--encoding",
    type=click.Choice(("float16", "float32")),
    default="float16",
    show_default=True,
    help="how numbers are kept",
)
@options_of("pack build")
def build(
    *, folder: Path, title: str, splits: tuple[str, ...], encoding: Encoding, **given: Any
) -> None:
    """Run the models of suites that are installed here and keep what they return in FOLDER."""
    from pytest_matalign.embeddings.pack_build import add_all, licence_problem

    run = suite_run({**given, "references": "installed"})
    specs = _specs(run)
    for wanted, models in _work(run, only=splits):
        split = run.evaluator.measurer.split(wanted)
        found = []
        for model in models:
            problem = licence_problem(run.cards[model])
            one = None if problem else _encoded(run, model, wanted, encoding=encoding)
            if isinstance(one, str) or one is None:
                click.echo(f"left out on {wanted.id}: {one or problem}")
            else:
                found.append(one)
        losses = add_all(folder, found, title=title, specs=specs)
        for one in found:
            loss = losses[one.entry.card.id]
            change = ", ".join(f"{name} {value:g}" for name, value in loss.metrics.items())
            click.echo(
                f"{one.entry.card.id} on {wanted.id}: {len(one.entry.accepted)} of "
                f"{len(split)} samples, width {one.entry.width}"
                f"{f', rank {one.entry.rank}' if one.entry.rank else ''}; changes {change}"
            )


def _work(run: SuiteRun, *, only: Collection[str]) -> Iterator[tuple[SuiteSplit, list[str]]]:
    """Each split of the suites with the models that packs may be wanted for.

    Those that carry weights or need packages of an extra, and covariates.
    """
    splits: dict[str, SuiteSplit] = {}
    models: dict[str, dict[str, None]] = {}
    for suite in run.suites.values():
        for split in suite.split:
            splits.setdefault(split.id, split)
            models.setdefault(split.id, {}).update(
                dict.fromkeys(
                    model
                    for model in (*suite.models, *suite.controls)
                    if run.cards[model].weights or run.cards[model].extra
                )
            )
            models[split.id].update(dict.fromkeys(split.covariates))
    for name, split in splits.items():
        if not only or name in only:
            yield split, list(models[name])


def _specs(run: SuiteRun) -> list[MetricSpec]:
    from pytest_matalign.metrics.spec import metric_spec

    metrics = dict.fromkeys(m for suite in run.suites.values() for m in suite.metric)
    return [metric_spec(m.name, k=m.k, preprocess=m.preprocess) for m in metrics]


def _encoded(run: SuiteRun, model: str, wanted: SuiteSplit, *, encoding: Encoding) -> Encoded | str:
    """One embedding ready to be stored, or why there is none."""
    from pytest_matalign.embeddings.pack_build import encoded
    from pytest_matalign.environments.loading import identify_weights
    from pytest_matalign.errors import MatalignError
    from pytest_matalign.zoo.adapter import adapter_version

    card = run.cards[model]
    try:
        return encoded(
            run.evaluator.measurer.embedding(model, wanted),
            card=card,
            split=run.evaluator.measurer.split(wanted),
            weights=identify_weights(card),
            adapter_version=adapter_version(card),
            encoding=encoding,
        )
    except MatalignError as error:
        return str(error)


@command.command()
@click.argument("folder", type=FOLDER, required=False)
@click.option(
    "--recompute",
    type=COUNT,
    default=20,
    show_default=True,
    metavar="N",
    help="samples per entry that are embedded again",
)
def verify(folder: Path | None, *, recompute: int) -> int:
    """Check every file of FOLDER (default: the pack that ships), and run what is installed again.

    Leaves with 1 if something differs.
    """
    from pytest_matalign.cli.tables import print_table
    from pytest_matalign.embeddings.pack_verify import verify_entry

    pack = _chosen(folder)
    found = [verify_entry(pack, split, model, samples=recompute) for split, model in pack]
    rows = [[one.split, one.model, one.outcome, one.detail] for one in found]
    print_table(rows, ["split", "model", "outcome", "detail"])
    return 1 if any(one.outcome == "DIFFERS" for one in found) else 0


@command.command()
@click.argument("folder", type=FOLDER, required=False)
def show(folder: Path | None) -> None:
    """List the entries of FOLDER (default: the pack that ships)."""
    from pytest_matalign.cli.tables import print_table

    pack = _chosen(folder)
    rows = []
    for split, model in pack:
        entry, _ = pack.entry(split, model)
        worst = max(entry.loss.metrics.values(), default=0.0) if entry.loss else 0.0
        rows.append(
            [
                split,
                model,
                f"{len(entry.accepted)}/{len(entry.ids)}",
                f"{entry.width}" + (f" by {entry.rank} axes" if entry.rank else ""),
                entry.encoding,
                f"{worst:.1e}",
                entry.card.licence_weights or "–",
                entry.weights[:12],
                str(entry.adapter_version),
                f"{pack.path(split, model).stat().st_size / 1024:.0f} kB",
            ]
        )
    head = ["split", "model", "samples", "width", "stored as", "largest change of a metric",
            "licence", "weights", "adapter", "size"]  # fmt: skip
    click.echo(pack.contents.title)
    print_table(rows, head)


@command.command()
@click.argument("folder", type=FOLDER)
@click.argument("repo", metavar="ORG/NAME")
@click.option("--private", is_flag=True, help="make the repository a private one")
def push(folder: Path, repo: str, *, private: bool) -> None:
    """Upload FOLDER to the dataset repository ORG/NAME of the hub."""
    from pytest_matalign.embeddings.pack_hub import push

    click.echo(push(folder, repo=repo, private=private))


@command.command()
@click.argument("spec", metavar="hf:ORG/NAME@COMMIT")
def pull(spec: str) -> None:
    """Fetch a pack from the hub at a commit, and print its folder."""
    from pytest_matalign.embeddings.pack_hub import pull

    click.echo(pull(spec))


def _chosen(folder: Path | None) -> Pack:
    from pytest_matalign.embeddings.pack import Pack, bundled_pack
    from pytest_matalign.errors import ConfigurationError

    pack = Pack(folder) if folder else bundled_pack()
    if pack is None:
        raise ConfigurationError("This installation ships no pack; name a folder.")
    return pack
