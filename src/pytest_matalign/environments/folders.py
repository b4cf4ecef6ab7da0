"""Where environments live, and what tells one that is whole from one that is half built."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from pytest_matalign.cache import cache_root
from pytest_matalign.environments.spec import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_matalign.environments.spec import Environment

MARKER = "matalign-environment.json"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is noted in a folder once everything in it is installed."""

    name: str
    digest: str
    python: str
    installer: str
    packages: dict[str, str]
    """Version of every distribution, by its normalised name."""
    seconds: float


class Place(Protocol):
    """Where a worker runs."""

    @property
    def name(self) -> str:
        """In the words of the user."""
        ...

    @property
    def folder(self) -> Path:
        """Tells it from every other place."""
        ...

    @property
    def python(self) -> Path:
        """Its interpreter."""
        ...

    @property
    def flags(self) -> Sequence[str]:
        """Of the interpreter."""
        ...

    @property
    def variables(self) -> Mapping[str, str]:
        """Of its process, beside the host's."""
        ...


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """An environment that is whole."""

    name: str
    folder: Path
    record: Record

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return interpreter(self.folder)

    @property
    def flags(self) -> Sequence[str]:
        """Which keep variables and folders of the host's Python out of it."""
        return ("-I",)

    @property
    def variables(self) -> Mapping[str, str]:
        """None of its own."""
        return {}


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """A second process of this very Python, with all it can import."""

    name: str = "beside this process"

    @property
    def folder(self) -> Path:
        """Of this Python."""
        return Path(sys.prefix)

    @property
    def python(self) -> Path:
        """This one."""
        return Path(sys.executable)

    @property
    def flags(self) -> Sequence[str]:
        """Of which none puts a folder before what this process imports from."""
        return ("-P",)

    @property
    def variables(self) -> Mapping[str, str]:
        """What this process imports from."""
        return {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """A process of another Python, or of this one with the code of another folder.

    The other Python needs numpy, msgspec and what the model needs; this package comes from here.
    """

    name: str
    python: Path
    code: Path | None = None
    """Folder whose modules win over installed ones, as does its `src`."""

    @property
    def folder(self) -> Path:
        """Tells it from every other place."""
        return self.python / (str(self.code).strip("/") if self.code else "")

    @property
    def flags(self) -> Sequence[str]:
        """Of which none puts a folder before what it imports from."""
        return ("-P",)

    @property
    def variables(self) -> Mapping[str, str]:
        """Where it imports from: what this Python does only if it is the same one."""
        here = sys.path if self.python == Path(sys.executable) else []
        code = [str(self.code), str(self.code / "src")] if self.code else []
        return {"PYTHONPATH": os.pathsep.join(filter(None, [*code, *here]))}


def elsewhere(place: Path) -> Elsewhere | None:
    """Return where a path leads: an interpreter, a virtual environment, or a folder of code."""
    if place.is_file() and os.access(place, os.X_OK):
        return Elsewhere(name=str(place), python=place.absolute())
    if interpreter(place).exists():
        return Elsewhere(name=str(place), python=interpreter(place).absolute())
    if place.is_dir():
        return Elsewhere(name=str(place), python=Path(sys.executable), code=place.absolute())
    return None


def root() -> Path:
    """`$MATALIGN_ENVIRONMENTS`, or the room `environments` of the default store."""
    named = os.environ.get("MATALIGN_ENVIRONMENTS")
    return Path(named) if named else cache_root() / "environments"


def folder_of(wanted: Environment) -> Path:
    """Folder of an environment; another lock is another folder."""
    return root().absolute() / f"{wanted.name}-{wanted.digest[:12]}"


def interpreter(folder: Path) -> Path:
    """The Python of an environment's folder."""
    inner = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    return folder / inner


def read_built(folder: Path) -> Built | None:
    """The environment in a folder; None if it is absent or was not finished."""
    try:
        record = msgspec.json.decode((folder / MARKER).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None
    return Built(name=record.name, folder=folder, record=record)


def built(name: str) -> Built | None:
    """The environment of today's lock, or None if it is not built.

    Raises:
        ConfigurationError: If there is no such environment or its spec is wrong.
    """
    return read_built(folder_of(_described(name, os.environ.get("MATALIGN_ENVIRONMENT_SPECS"))))


def folders(name: str) -> Iterator[Path]:
    """Every folder of an environment, of earlier locks and half-built ones too."""
    for path in sorted(root().absolute().glob(f"{name}-*")):
        if path.is_dir() and path.name[: -len("-123456789abc")] == name:
            yield path


@lru_cache(maxsize=256)
def _described(name: str, searched: str | None) -> Environment:
    """Read a spec once a process: listing the zoo asks for every card's."""
    del searched
    return environment(name)
