"""What several commands take: the options of a run, and names that a shell can complete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_matalign.run.options import Option, on_command_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_matalign.run.suite_run import SuiteRun

    Completer = Callable[[click.Context, click.Parameter, str], list[str]]
    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
COUNT = click.IntRange(min=1)


def all_of(*options: Decorator) -> Decorator:
    """Return one decorator that declares several options, in this order."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        # click puts the option declared last first.
        for one in reversed(options):
            function = one(function)
        return function

    return declare


def options_of(name: str) -> Decorator:
    """Return a decorator that declares the options of a run which a command takes."""
    return all_of(*map(_declared, on_command_line(name)))


def _declared(one: Option) -> Decorator:
    if one.kind == "flag":
        return click.option(f"--{one.name}", is_flag=True, help=one.help_text)
    types: Mapping[str, Any] = {
        "count": COUNT,
        "choice": click.Choice(one.choices),
        "path": click.Path(path_type=Path),
        "text": str,
    }
    return click.option(
        f"--{one.name}",
        type=types[one.kind],
        multiple=one.repeatable,
        metavar=one.metavar,
        help=one.help_text,
    )


def suite_run(given: Mapping[str, Any]) -> SuiteRun:
    """Return the run of a command called in the host's folder, which holds `pyproject.toml`."""
    from pytest_matalign.progress import embedding_line
    from pytest_matalign.run.settings import settings_of
    from pytest_matalign.run.suite_run import SuiteRun

    here = Path.cwd()
    return SuiteRun(settings_of(given, root=here, here=here), progress=embedding_line)


class Actions(click.Group):
    """What can be done with a noun, told in the order in which it is written."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  of click
        """Return the names."""
        return list(self.commands)


def _models() -> Iterable[str]:
    from pytest_matalign.zoo.catalogue import cards

    return cards()


def _splits() -> Iterable[str]:
    from pytest_matalign.splits.catalogue import split_cards

    return split_cards()


def _environments() -> Iterable[str]:
    from pytest_matalign.environments.spec import spec_files

    return spec_files()


def _completing(names: Callable[[], Iterable[str]]) -> Completer:
    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        return [one for one in names() if one.startswith(incomplete)]

    return complete


MODELS, SPLITS, ENVIRONMENTS = map(_completing, (_models, _splits, _environments))
"""For `shell_complete`: what a shell offers for a name that was begun."""


def split_option(*, required: bool = True) -> Decorator:
    """Return a decorator that declares the samples that rows are made or compared of."""
    return all_of(
        click.option(
            "--split",
            shell_complete=SPLITS,
            required=required,
            metavar="ID|PATH",
            help="bundled split, or its card",
        ),
        click.option(
            "--samples", type=COUNT, metavar="N", help="the first N samples (default: all)"
        ),
    )
