"""`matalign`: the same engine outside pytest."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign import __version__
from pytest_matalign.errors import MatalignError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; errors made on purpose become one line and exit status 2."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except MatalignError as error:
        sys.stderr.write(f"matalign: {error}\n")
        return 2
    except BrokenPipeError:
        # The reader of a pipe, such as `head`, has seen enough.
        sys.stderr.close()
        return 0
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="matalign", description="Representational alignment of scientific models."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    splits = commands.add_parser("splits", help="list the bundled splits, or describe one")
    splits.add_argument("id", nargs="?", help="split to describe")
    splits.set_defaults(run=_splits)

    suites = commands.add_parser("suites", help="list the bundled suites")
    suites.set_defaults(run=_suites)

    show = commands.add_parser("show", help="print a scorecard made with --matalign-json")
    show.add_argument("scorecard", type=Path)
    show.add_argument("--markdown", action="store_true", help="as Markdown")
    show.set_defaults(run=_show)

    from pytest_matalign.cli import compare, embed, env, gate, pack, report, study, zoo

    zoo.add_parser(commands)
    gate.add_parser(commands)
    compare.add_parser(commands)
    pack.add_parser(commands)
    embed.add_parser(commands)
    env.add_parser(commands)
    study.add_parser(commands)
    report.add_parser(commands)

    schema = commands.add_parser("schema", help="print the JSON Schema of scorecards")
    schema.set_defaults(run=_schema)
    return parser


def _splits(options: argparse.Namespace) -> int:
    from pytest_matalign.splits import describe_splits, split_card

    if options.id:
        return _print_struct(split_card(options.id))
    # Labels and licence run to paragraphs; `matalign splits ID` shows them.
    head = ["split", "domain", "role", "samples", "inputs", "fingerprint", "title"]
    return _print_table([[row[name] for name in head] for row in describe_splits()], head)


def _suites(_options: argparse.Namespace) -> int:
    from pytest_matalign.suites.load import bundled_suites, load_suite

    loaded = [load_suite(folder) for folder in bundled_suites().values()]
    rows = [
        [s.name, str(len(s.models)), ", ".join(split.id for split in s.split), s.title]
        for s in loaded
    ]
    return _print_table(rows, ["name", "models", "splits", "title"])


def _show(options: argparse.Namespace) -> int:
    from shutil import get_terminal_size

    from pytest_matalign.scorecard import markdown, terminal
    from pytest_matalign.scorecard.model import read_scorecard

    scorecard = read_scorecard(options.scorecard)
    if options.markdown:
        sys.stdout.write(markdown.render(scorecard))
    else:
        for line in terminal.lines(scorecard, width=get_terminal_size().columns):
            sys.stdout.write(line + "\n")
    return 0


def _schema(_options: argparse.Namespace) -> int:
    from pytest_matalign.scorecard.schema import schema_text

    sys.stdout.write(schema_text())
    return 0


def _print_table(rows: list[list[str]], head: list[str]) -> int:
    from tabulate import tabulate

    text = tabulate(rows, headers=head, tablefmt="simple", disable_numparse=True)
    sys.stdout.write(text + "\n")
    return 0


def _print_struct(value: object) -> int:
    import msgspec

    for name, field in msgspec.to_builtins(value).items():
        if field not in (None, [], {}, ""):
            sys.stdout.write(f"{name}: {field}\n")
    return 0
