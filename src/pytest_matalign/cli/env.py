"""`matalign env`: build, list, examine and remove environments of models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare `matalign env` and its parts."""
    env = commands.add_parser("env", help="isolated environments of models")
    parts = env.add_subparsers(required=True, metavar="ACTION")

    create = parts.add_parser("create", help="build an environment from its lock")
    create.add_argument("name", nargs="+")
    _building(create)
    create.set_defaults(run=_create)

    listing = parts.add_parser("list", help="list the environments and what is built")
    listing.set_defaults(run=_list)

    remove = parts.add_parser("remove", help="delete all that is built of an environment")
    remove.add_argument("name")
    remove.set_defaults(run=_remove)

    doctor = parts.add_parser("doctor", help="check versions, imports and the worker")
    doctor.add_argument("name", nargs="*", help="default: all that are built")
    doctor.set_defaults(run=_doctor)

    lock = parts.add_parser("lock", help="resolve a spec afresh and write its lock")
    lock.add_argument("name")
    _building(lock)
    lock.set_defaults(run=_lock)


def _building(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pip-option",
        action="append",
        default=[],
        metavar="OPTION",
        help="passed on to uv or pip, such as --pip-option='--index-url URL'; may be repeated",
    )
    parser.add_argument(
        "--python", type=Path, metavar="PATH", help="interpreter to build with (default: this one)"
    )


def _create(options: argparse.Namespace) -> int:
    from pytest_matalign.cli.embed import INTERRUPTED
    from pytest_matalign.environments.build import create, size_of

    for name in options.name:
        try:
            built = create(name, python=options.python, options=options.pip_option, told=_say)
        except KeyboardInterrupt:
            _say("interrupted; what is half built is not used, and the same call builds it afresh")
            return INTERRUPTED
        size = size_of(built.folder) / 1e6
        sys.stdout.write(
            f"{name}: {len(built.record.packages)} packages, {size:.0f} MB, built in "
            f"{built.record.seconds:.0f} s\n"
        )
    return 0


def _list(_options: argparse.Namespace) -> int:
    from tabulate import tabulate

    from pytest_matalign.environments.folders import root
    from pytest_matalign.environments.spec import spec_files
    from pytest_matalign.zoo.registry import cards

    users: dict[str, int] = {}
    for card in cards().values():
        if card.environment:
            users[card.environment] = users.get(card.environment, 0) + 1
    rows = [[name, str(users.get(name, 0)), *_state(name)] for name in spec_files()]
    head = ["environment", "models", "here", "why it is apart"]
    widths = [None, None, None, 40]
    text = tabulate(
        rows, headers=head, tablefmt="simple", disable_numparse=True, maxcolwidths=widths
    )
    sys.stdout.write(f"{text}\n\nbuilt in {root()}\n")
    return 0


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


def _remove(options: argparse.Namespace) -> int:
    from pytest_matalign.environments.build import remove

    for folder in remove(options.name):
        sys.stdout.write(f"removed {folder}\n")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from pytest_matalign.environments.doctor import examine
    from pytest_matalign.environments.folders import folders
    from pytest_matalign.environments.spec import spec_files
    from pytest_matalign.errors import ConfigurationError

    names = options.name or [name for name in spec_files() if any(folders(name))]
    if not names:
        raise ConfigurationError("No environment is built; `matalign env list` shows them.")
    healthy = True
    for name in names:
        for finding in examine(name):
            healthy = healthy and finding.passed
            mark = "ok  " if finding.passed else "FAIL"
            sys.stdout.write(f"{mark}  {name}: {finding.subject}: {finding.sentence}\n")
            sys.stdout.flush()
    return 0 if healthy else 1


def _lock(options: argparse.Namespace) -> int:
    from pytest_matalign.environments.locking import write_lock

    path = write_lock(options.name, python=options.python, options=options.pip_option, told=_say)
    sys.stdout.write(f"wrote {path}\n")
    return 0


def _say(step: str) -> None:
    sys.stderr.write(f"{step}\n")
    sys.stderr.flush()
