"""Build an environment from its lock, and remove it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.cache import write_whole
from pytest_matalign.environments.folders import (
    MARKER,
    Built,
    Record,
    folder_of,
    folders,
    interpreter,
    read_built,
    root,
)
from pytest_matalign.environments.spec import environment
from pytest_matalign.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_matalign.environments.spec import Environment

OLDEST = ">=3.11"
"""Python this package's own code runs on; a worker runs it, too."""
_LAST_LINES = 12
_LIST = (
    "import json; from importlib.metadata import distributions; "
    "print(json.dumps({one.name: one.version for one in distributions()}))"
)
_VERSION = "import sys; print('.'.join(str(part) for part in sys.version_info[:3]))"


@dataclass(frozen=True, kw_only=True)
class Installer:
    """uv where it is on the path, else venv and pip."""

    uv: str | None  # Its path, or None
    python: Path  # Interpreter the environment is made from
    # Options of `pip install` or `uv pip install`, such as `--index-url URL`
    options: tuple[str, ...] = ()
    told: Callable[[str], object] = lambda _step: None  # Called with each step in words

    def make(self, folder: Path) -> None:
        """An empty environment."""
        if self.uv:
            run([self.uv, "venv", "--quiet", "--python", str(self.python), str(folder)])
        else:
            run([str(self.python), "-m", "venv", str(folder)])

    def install(self, folder: Path, arguments: Sequence[str]) -> None:
        """Install into an environment."""
        own = str(interpreter(folder))
        begin = (
            [self.uv, "pip", "install", "--quiet", "--python", own]
            if self.uv
            else [own, "-m", "pip", "install", "--quiet", "--no-input"]
        )
        run([*begin, *self.options, *arguments])


def installer(
    spec_python: str,
    *,
    name: str,
    python: Path | None = None,
    options: Sequence[str] = (),
    told: Callable[[str], object] = lambda _step: None,
) -> Installer:
    """What builds environments here.

    Args:
        spec_python: Versions the spec allows.
        name: Of the environment.
        python: Interpreter to build with; the one of this process if None.
        options: Passed on to pip or uv; one that holds a space is split at the first.
        told: Called with each step in words.

    Raises:
        ConfigurationError: If the interpreter's version is outside what spec and package allow.
    """
    from packaging.specifiers import SpecifierSet

    chosen = python or Path(sys.executable)
    version = _version_of(chosen)
    allowed = SpecifierSet(f"{spec_python},{OLDEST}")
    if version not in allowed:
        raise ConfigurationError(
            f"The environment {name} needs Python {','.join(sorted(map(str, allowed)))} and "
            f"{chosen} is {version}; name another with --python."
        )
    parts = [part for option in options for part in option.split(maxsplit=1)]
    return Installer(uv=shutil.which("uv"), python=chosen, options=tuple(parts), told=told)


def create(
    name: str,
    *,
    python: Path | None = None,
    options: Sequence[str] = (),
    told: Callable[[str], object] = lambda _step: None,
) -> Built:
    """Build an environment, unless it is there.

    It is built in place, because environments cannot be moved, and marked whole at the very end:
    one whose building was interrupted is built afresh.

    Args:
        name: Of a spec.
        python: Interpreter to build with; the one of this process if None.
        options: Options passed on to pip or uv, such as `--index-url URL`.
        told: Called with each step in words.

    Raises:
        ConfigurationError: If spec or lock are wrong or Python has the wrong version.
        UnavailableError: If a package cannot be installed; the installer's last lines are given.
    """
    from filelock import FileLock

    wanted = environment(name)
    builder = installer(wanted.spec.python, name=name, python=python, options=options, told=told)
    folder = folder_of(wanted)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        found = read_built(folder)
        if found is not None:
            told(f"{folder} is there already")
            return found
        if folder.exists():
            told(f"removing {folder}, which was left half built")
            shutil.rmtree(folder)
        return _build(wanted, builder, folder)


def _build(wanted: Environment, builder: Installer, folder: Path) -> Built:
    start = time.monotonic()
    builder.told(f"making {folder} with {'uv' if builder.uv else 'venv and pip'}")
    builder.make(folder)
    if wanted.spec.torch:
        builder.told(f"installing torch {wanted.spec.torch} with its dependencies")
        builder.install(folder, [f"torch=={wanted.spec.torch}"])
    if wanted.lock:
        builder.told(f"installing the {len(wanted.lock)} packages of {wanted.lock_file.name}")
        builder.install(folder, ["--no-deps", "-r", str(wanted.lock_file)])
    python = interpreter(folder)
    record = Record(
        name=wanted.name,
        digest=wanted.digest,
        python=_version_of(python),
        installer="uv" if builder.uv else "pip",
        packages=packages_of(folder),
        seconds=round(time.monotonic() - start, 1),
    )
    write_whole(folder / MARKER, msgspec.json.format(msgspec.json.encode(record)))
    return Built(name=wanted.name, folder=folder, record=record)


def packages_of(folder: Path) -> dict[str, str]:
    """Version of every distribution in an environment, by normalised name, sorted."""
    from packaging.utils import canonicalize_name

    text = run([str(interpreter(folder)), "-I", "-c", _LIST])
    return dict(sorted((canonicalize_name(k), v) for k, v in json.loads(text).items()))


def remove(name: str) -> tuple[Path, ...]:
    """Delete every folder of an environment, of earlier locks and half-built ones too.

    Raises:
        ConfigurationError: If there is none.
    """
    from filelock import FileLock

    found = tuple(folders(name))
    if not found:
        raise ConfigurationError(f"There is no built environment {name!r} in {root()}.")
    for folder in found:
        with FileLock(folder.with_suffix(".lock")):
            # The marker goes first: what an interrupt leaves behind must not look whole.
            (folder / MARKER).unlink(missing_ok=True)
            shutil.rmtree(folder)
    return found


def size_of(folder: Path) -> int:
    """Bytes on disk of all files below a folder, each counted once."""
    seen: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        stat = path.lstat()
        if not path.is_dir():
            seen[stat.st_dev, stat.st_ino] = stat.st_size
    return sum(seen.values())


def run(command: Sequence[str]) -> str:
    """Standard output of a command.

    Raises:
        UnavailableError: If it fails; its last lines are given.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        try:
            done = subprocess.run(  # noqa: S603  an interpreter or installer, no shell
                command, stdout=subprocess.PIPE, stderr=said, text=True, check=False
            )
        except OSError as error:
            raise UnavailableError(f"{command[0]} cannot be run: {error.strerror}.") from error
        said.seek(0)
        lines = [*done.stdout.splitlines(), *said.read().splitlines()]
    if done.returncode:
        spoken = " | ".join(line.strip() for line in lines[-_LAST_LINES:] if line.strip())
        raise UnavailableError(f"`{_shown(command)}` failed: {spoken}")
    return done.stdout


def _shown(command: Sequence[str]) -> str:
    """A command without its options, which may hold the password of an index."""
    return " ".join([Path(command[0]).name, *(word for word in command[1:4] if "://" not in word)])


def _version_of(python: Path) -> str:
    return run([str(python), "-I", "-c", _VERSION]).strip()
