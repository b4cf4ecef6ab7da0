"""`matalign env`: build, list, examine and remove environments of models."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_matalign.cli.main import INTERRUPTED
from pytest_matalign.cli.options import ENVIRONMENTS, FILE, Actions, all_of

_building = all_of(
    click.option(
        "--pip-option",
        "pip_options",
        multiple=True,
        metavar="OPTION",
        help="passed on to uv or pip, such as --pip-option='--index-url URL'; may be repeated",
    ),
    click.option(
        "--python", type=FILE, metavar="PATH", help="interpreter to build with (default: this one)"
    ),
)


@click.group(cls=Actions)
def command() -> None:
    """Isolated environments of models that exclude each other."""


@command.command()
@click.argument("names", shell_complete=ENVIRONMENTS, nargs=-1, required=True)
@_building
def create(names: tuple[str, ...], *, pip_options: tuple[str, ...], python: Path | None) -> int:
    """Build the environments NAMES from their locks."""
    from pytest_matalign.environments.build import create, size_of

    for name in names:
        try:
            built = create(name, python=python, options=pip_options, told=_say)
        except KeyboardInterrupt:
            _say("interrupted; what is half built is not used, and the same call builds it afresh")
            return INTERRUPTED
        size = size_of(built.folder) / 1e6
        click.echo(
            f"{name}: {len(built.record.packages)} packages, {size:.0f} MB, built in "
            f"{built.record.seconds:.0f} s"
        )
    return 0


@command.command("list")
def list_() -> None:
    """List the environments and what is built."""
    from pytest_matalign.cli.tables import print_table
    from pytest_matalign.environments.folders import root
    from pytest_matalign.environments.spec import spec_files
    from pytest_matalign.zoo.catalogue import cards

    users: dict[str, int] = {}
    for card in cards().values():
        if card.environment:
            users[card.environment] = users.get(card.environment, 0) + 1
    rows = [[name, str(users.get(name, 0)), *_state(name)] for name in spec_files()]
    head = ["environment", "models", "here", "why it is apart"]
    print_table(rows, head, widths=[None, None, None, 40])
    click.echo(f"\nbuilt in {root()}")


def _state(name: str) -> tuple[str, str]:
    """Whether an environment is built, and its notes."""
    from pytest_matalign.environments.folders import built, folders
    from pytest_matalign.environments.spec import read_spec, spec_files
    from pytest_matalign.errors import ConfigurationError

    notes = read_spec(spec_files()[name]).notes
    try:
        found = built(name)
    except ConfigurationError:
        return "no lock", notes
    if found is not None:
        return f"built ({found.record.python})", notes
    return ("outdated" if any(folders(name)) else "–"), notes


@command.command()
@click.argument("name", shell_complete=ENVIRONMENTS)
def remove(name: str) -> None:
    """Delete all that is built of the environment NAME."""
    from pytest_matalign.environments.build import remove

    for folder in remove(name):
        click.echo(f"removed {folder}")


@command.command()
@click.argument("names", shell_complete=ENVIRONMENTS, nargs=-1)
def doctor(names: tuple[str, ...]) -> int:
    """Check versions, imports and the worker of NAMES, or of all that are built."""
    from pytest_matalign.environments.doctor import examine
    from pytest_matalign.environments.folders import folders
    from pytest_matalign.environments.spec import spec_files
    from pytest_matalign.errors import ConfigurationError

    chosen = names or [name for name in spec_files() if any(folders(name))]
    if not chosen:
        raise ConfigurationError("No environment is built; `matalign env list` shows them.")
    healthy = True
    for name in chosen:
        for finding in examine(name):
            healthy = healthy and finding.passed
            mark = "ok  " if finding.passed else "FAIL"
            click.echo(f"{mark}  {name}: {finding.subject}: {finding.sentence}")
    return 0 if healthy else 1


@command.command()
@click.argument("names", shell_complete=ENVIRONMENTS, nargs=-1)
@click.option(
    "--tests",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="what pytest runs in each (default: those of a checkout of this project)",
)
@click.option("--again", is_flag=True, help="what passed before and has not changed, too")
@click.option("--json", "json_file", type=FILE, metavar="FILE", help="write what was found here")
@_building
def test(
    names: tuple[str, ...],
    *,
    tests: Path | None,
    again: bool,
    json_file: Path | None,
    pip_options: tuple[str, ...],
    python: Path | None,
) -> int:
    """Run the tests of adapters inside the environments NAMES, or all, which it builds."""
    import msgspec

    from pytest_matalign.cache import write_whole
    from pytest_matalign.cli.tables import print_table
    from pytest_matalign.environments.spec import spec_files
    from pytest_matalign.environments.trials import HEAD, TESTS, try_all

    chosen = names or tuple(spec_files())
    found = []
    trials = try_all(
        chosen, tests or TESTS, again=again, python=python, options=pip_options, told=_say
    )
    try:
        for trial in trials:
            found.append(trial)
            _say(f"{trial.environment}: {trial.passed} passed, {trial.skipped} skipped")
            for fault in trial.faults:
                _say(f"{trial.environment}: {fault}")
            if json_file:
                write_whole(json_file, msgspec.json.format(msgspec.json.encode(found)))
    except KeyboardInterrupt:
        _say("interrupted; the same call goes on with the environment that was being tried")
        return INTERRUPTED
    print_table([one.cells for one in found], HEAD)
    return 1 if any(one.faults for one in found) else 0


@command.command()
@click.argument("name", shell_complete=ENVIRONMENTS)
@_building
def lock(name: str, *, pip_options: tuple[str, ...], python: Path | None) -> None:
    """Resolve the spec NAME afresh and write its lock."""
    from pytest_matalign.environments.locking import write_lock

    path = write_lock(name, python=python, options=pip_options, told=_say)
    click.echo(f"wrote {path}")


def _say(step: str) -> None:
    click.echo(step, err=True)
