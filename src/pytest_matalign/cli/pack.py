"""`matalign pack`: build, verify, show, push and pull reference packs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.cli.options import add_options, run_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.embeddings.pack_build import Encoded
    from pytest_matalign.metrics.spec import MetricSpec
    from pytest_matalign.run.suite_run import SuiteRun
    from pytest_matalign.suites.schema import SuiteSplit


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare `matalign pack` and its parts."""
    pack = commands.add_parser("pack", help="embeddings of references, as one verifiable folder")
    parts = pack.add_subparsers(required=True, metavar="ACTION")

    build = parts.add_parser("build", help="run the models of suites and store what they return")
    build.add_argument("folder", type=Path)
    build.add_argument("--title", default="reference embeddings")
    build.add_argument("--split", action="append", default=[], help="only this split")
    build.add_argument("--encoding", choices=("float16", "float32"), default="float16")
    add_options(build)
    build.set_defaults(run=_build)

    verify = parts.add_parser("verify", help="check every file, and run what is installed again")
    verify.add_argument("folder", type=Path, nargs="?", help="default: the pack that ships")
    verify.add_argument(
        "--recompute", type=int, default=20, metavar="N", help="samples an entry (default: 20)"
    )
    verify.set_defaults(run=_verify)

    show = parts.add_parser("show", help="list the entries")
    show.add_argument("folder", type=Path, nargs="?", help="default: the pack that ships")
    show.set_defaults(run=_show)

    push = parts.add_parser("push", help="upload to a dataset repository of the hub")
    push.add_argument("folder", type=Path)
    push.add_argument("repo", metavar="ORG/NAME")
    push.add_argument("--private", action="store_true")
    push.set_defaults(run=_push)

    pull = parts.add_parser("pull", help="fetch from the hub at a commit")
    pull.add_argument("spec", metavar="hf:ORG/NAME@COMMIT")
    pull.set_defaults(run=_pull)


def _build(options: argparse.Namespace) -> int:
    from pytest_matalign.embeddings.pack_build import add_all, licence_problem

    options.matalign_references = "installed"
    run = run_of(options)
    specs = _specs(run)
    for wanted, models in _work(run, only=options.split):
        split = run.evaluator.split(wanted)
        found = []
        for model in models:
            problem = licence_problem(run.cards[model])
            one = None if problem else _encoded(run, model, wanted, options)
            if isinstance(one, str) or one is None:
                sys.stdout.write(f"left out on {wanted.id}: {one or problem}\n")
            else:
                found.append(one)
        losses = add_all(options.folder, found, title=options.title, specs=specs)
        for one in found:
            loss = losses[one.entry.card.id]
            change = ", ".join(f"{name} {value:g}" for name, value in loss.metrics.items())
            sys.stdout.write(
                f"{one.entry.card.id} on {wanted.id}: {len(one.entry.accepted)} of "
                f"{len(split)} samples, width {one.entry.width}"
                f"{f', rank {one.entry.rank}' if one.entry.rank else ''}; changes {change}\n"
            )
    return 0


def _work(run: SuiteRun, *, only: list[str]) -> Iterator[tuple[SuiteSplit, list[str]]]:
    """Each split of the suites with every model on it that carries weights."""
    splits: dict[str, SuiteSplit] = {}
    models: dict[str, dict[str, None]] = {}
    for suite in run.suites.values():
        for split in suite.split:
            splits.setdefault(split.id, split)
            models.setdefault(split.id, {}).update(
                dict.fromkeys(
                    model
                    for model in (*suite.models, *suite.controls)
                    if run.cards[model].weights is not None
                )
            )
    for name, split in splits.items():
        if not only or name in only:
            yield split, list(models[name])


def _specs(run: SuiteRun) -> list[MetricSpec]:
    from pytest_matalign.metrics.spec import metric_spec

    metrics = dict.fromkeys(m for suite in run.suites.values() for m in suite.metric)
    return [metric_spec(m.name, k=m.k, preprocess=m.preprocess) for m in metrics]


def _encoded(
    run: SuiteRun, model: str, wanted: SuiteSplit, options: argparse.Namespace
) -> Encoded | str:
    """One embedding ready to be stored, or why there is none."""
    from pytest_matalign.embeddings.pack_build import encoded
    from pytest_matalign.embeddings.sources import weights_here
    from pytest_matalign.errors import MatalignError
    from pytest_matalign.zoo.registry import adapter_version

    card = run.cards[model]
    try:
        return encoded(
            run.evaluator.embedding(model, wanted),
            card=card,
            split=run.evaluator.split(wanted),
            weights=weights_here(card),
            adapter_version=adapter_version(card),
            encoding=options.encoding,
        )
    except MatalignError as error:
        return str(error)


def _verify(options: argparse.Namespace) -> int:
    from pytest_matalign.embeddings.pack_verify import verify_entry

    pack = _chosen(options.folder)
    found = [verify_entry(pack, split, model, samples=options.recompute) for split, model in pack]
    rows = [[one.split, one.model, one.outcome, one.detail] for one in found]
    _table(rows, ["split", "model", "outcome", "detail"])
    return 1 if any(one.outcome == "DIFFERS" for one in found) else 0


def _show(options: argparse.Namespace) -> int:
    pack = _chosen(options.folder)
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
    sys.stdout.write(f"{pack.contents.title}\n")
    return _table(rows, head)


def _push(options: argparse.Namespace) -> int:
    from pytest_matalign.embeddings.pack_hub import push

    sys.stdout.write(push(options.folder, repo=options.repo, private=options.private) + "\n")
    return 0


def _pull(options: argparse.Namespace) -> int:
    from pytest_matalign.embeddings.pack_hub import pull

    sys.stdout.write(f"{pull(options.spec)}\n")
    return 0


def _chosen(folder: Path | None) -> Pack:
    from pytest_matalign.embeddings.pack import Pack, bundled_pack
    from pytest_matalign.errors import ConfigurationError

    pack = Pack(folder) if folder else bundled_pack()
    if pack is None:
        raise ConfigurationError("This installation ships no pack; name a folder.")
    return pack


def _table(rows: list[list[str]], head: list[str]) -> int:
    from tabulate import tabulate

    text = tabulate(rows, headers=head, tablefmt="simple", disable_numparse=True)
    sys.stdout.write(text + "\n")
    return 0
