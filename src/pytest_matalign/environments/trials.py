"""Build environments from their locks, and run the tests of their adapters inside them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import msgspec

from pytest_matalign.cache import write_whole
from pytest_matalign.environments import inside
from pytest_matalign.environments.build import create, size_of
from pytest_matalign.environments.doctor import examine
from pytest_matalign.environments.folders import root
from pytest_matalign.environments.spec import environment
from pytest_matalign.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_matalign.environments.folders import Built
    from pytest_matalign.environments.spec import Environment

TESTS = Path("tests/zoo/isolated")
"""Where this project's own lie in a checkout."""
VARIABLE = "MATALIGN_TEST_ENVIRONMENT"
"""Tells tests which environment they run in."""
_PACKAGE = Path(__file__).parents[1]
HEAD = (
    "environment",
    "packages",
    "built in",
    "on disk",
    "passed",
    "failed",
    "skipped",
    "tests took",
    "of a processor",
)


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one environment and of the tests in it."""

    environment: str
    fingerprint: str
    """SHA-256 (hex) of its lock, this package and the tests."""
    python: str = ""
    packages: int = 0
    build_seconds: float = 0.0
    size: int = 0
    """Bytes on disk."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    """That the tests took."""
    processor_seconds: float = 0.0
    """That they kept processors busy, their own children included."""
    faults: tuple[str, ...] = ()
    """What is wrong, one sentence each."""

    @property
    def cells(self) -> tuple[str, ...]:
        """A row under `HEAD`; nothing is said of what was not built."""
        if not self.packages:
            return (self.environment, *["–"] * (len(HEAD) - 1))
        counts = (self.passed, self.failed, self.skipped)
        return (
            self.environment,
            str(self.packages),
            f"{self.build_seconds:.0f} s",
            f"{self.size / 1e6:,.0f} MB",
            *map(str, counts),
            f"{self.seconds:.0f} s",
            f"{self.processor_seconds:.0f} s",
        )


def try_all(
    names: Sequence[str],
    tests: Path = TESTS,
    *,
    again: bool = False,
    python: Path | None = None,
    options: Sequence[str] = (),
    told: Callable[[str], object] = lambda _step: None,
) -> Iterator[Trial]:
    """Try environments one after the other.

    One that had no fault and skipped nothing is not tried again before its lock, this package or
    the tests change.

    Args:
        names: Of specs.
        tests: Folder or file that pytest runs inside each.
        again: Whether to try again even so.
        python: Interpreter to build with; the one of this process if None.
        options: Passed on to pip or uv.
        told: Called with each step in words.

    Raises:
        ConfigurationError: If there are no tests, or a spec is wrong.
    """
    if not tests.exists():
        raise ConfigurationError(
            f"There are no tests at {tests}: call this in a checkout of pytest-matalign, or name "
            "tests of your own with --tests."
        )
    wanted = [environment(name) for name in names]
    code = _digest(_PACKAGE, tests)
    for number, one in enumerate(wanted, start=1):
        say = _beginning(f"[{number}/{len(wanted)}] {one.name}: ", told)
        fingerprint = hashlib.sha256(f"{one.digest}{code}".encode()).hexdigest()
        trial = None if again else _read(one.name)
        if trial and trial.fingerprint == fingerprint and not trial.skipped:
            say("passed before, and nothing has changed since")
        else:
            trial = Trial(environment=one.name, fingerprint=fingerprint)
            try:
                built = create(one.name, python=python, options=options, told=say)
            except (ConfigurationError, UnavailableError) as error:
                trial = msgspec.structs.replace(trial, faults=(str(error),))
            else:
                say(f"running {tests} inside")
                trial = _tried(one, built, tests, trial=trial)
        yield trial


def _beginning(begin: str, told: Callable[[str], object]) -> Callable[[str], object]:
    return lambda step: told(f"{begin}{step}")


def _tried(wanted: Environment, built: Built, tests: Path, *, trial: Trial) -> Trial:
    """What doctor and pytest say of an environment that is built."""
    faults = [f"{one.subject}: {one.sentence}" for one in examine(wanted.name) if not one.passed]
    log = _file(wanted.name, "log")
    before = os.times()
    code, counts, seconds = _run(built, tests, log=log)
    after = os.times()
    passed = counts["tests"] - counts["failures"] - counts["errors"] - counts["skipped"]
    if code:
        faults.append(f"pytest ended with {code}, see {log}")
    elif not passed:
        faults.append(f"no test ran, see {log}")
    trial = msgspec.structs.replace(
        trial,
        python=built.record.python,
        packages=len(built.record.packages),
        build_seconds=built.record.seconds,
        size=size_of(built.folder),
        passed=passed,
        failed=counts["failures"] + counts["errors"],
        skipped=counts["skipped"],
        seconds=seconds,
        processor_seconds=sum(after[2:4]) - sum(before[2:4]),
        faults=tuple(faults),
    )
    if not faults:
        write_whole(_file(wanted.name, "json"), msgspec.json.format(msgspec.json.encode(trial)))
    return trial


def _run(built: Built, tests: Path, *, log: Path) -> tuple[int, dict[str, int], float]:
    """Exit code, counts and seconds of pytest in an environment; what it prints goes to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    own = {VARIABLE: built.name, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    with tempfile.TemporaryDirectory() as folder, log.open("wb") as said:
        counted = Path(folder) / "junit.xml"
        done = subprocess.run(  # noqa: S603  the environment's own interpreter
            [
                *(str(built.python), *built.flags, "-X", "utf8", inside.__file__),
                os.pathsep.join([str(_PACKAGE.parent), *filter(None, sys.path)]),
                *("-p", "no:cacheprovider", f"--junitxml={counted}", str(tests)),
            ],
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            check=False,
        )
        names = ("tests", "failures", "errors", "skipped")
        if not counted.is_file():
            return done.returncode or 1, dict.fromkeys(names, 0), 0.0
        suite = next(ET.parse(counted).iter("testsuite"))  # noqa: S314  pytest wrote it just now
    return (
        done.returncode,
        {name: int(suite.attrib[name]) for name in names},
        float(suite.attrib["time"]),
    )


def _digest(*folders: Path) -> str:
    """SHA-256 (hex) of the code and cards below folders."""
    found = hashlib.sha256()
    for folder in folders:
        paths = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
        for path in (one for one in paths if one.suffix in (".py", ".toml")):
            found.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _file(name: str, suffix: str) -> Path:
    return root().absolute() / "trials" / f"{name}.{suffix}"


def _read(name: str) -> Trial | None:
    try:
        return msgspec.json.decode(_file(name, "json").read_bytes(), type=Trial)
    except (OSError, msgspec.DecodeError):
        return None
