"""Say whether an environment is whole: versions, imports, a worker that answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_matalign.environments.build import size_of
from pytest_matalign.environments.folders import folder_of, folders, read_built
from pytest_matalign.environments.process import Worker
from pytest_matalign.environments.protocol import Probe, Probed
from pytest_matalign.environments.spec import environment
from pytest_matalign.errors import MatalignError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_matalign.environments.folders import Built
    from pytest_matalign.environments.spec import Environment


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    passed: bool
    subject: str
    sentence: str


def examine(name: str) -> list[Finding]:
    """Everything that can be known of an environment without loading a model.

    Raises:
        ConfigurationError: If there is no such spec or it is wrong.
    """
    wanted = environment(name)
    built = read_built(folder_of(wanted))
    if built is None:
        others = [folder.name for folder in folders(name)]
        left = f" ({', '.join(others)}: of another lock or half built)" if others else ""
        sentence = f"not built{left}; run `matalign env create {name}`"
        return [Finding(passed=False, subject="environment", sentence=sentence)]
    size = size_of(built.folder) / 1e6
    place = f"{built.folder}, {size:.0f} MB, built by {built.record.installer}"
    found = [Finding(passed=True, subject="environment", sentence=place)]
    try:
        worker = Worker(built)
    except MatalignError as error:
        return [*found, Finding(passed=False, subject="worker", sentence=str(error))]
    greeting = f"answers, Python {worker.python}"
    found.append(Finding(passed=True, subject="worker", sentence=greeting))
    try:
        found += _probed(worker, wanted, built)
    except MatalignError as error:
        sentence = f"the worker {error}"
        found.append(Finding(passed=False, subject="imports", sentence=sentence))
    finally:
        worker.end()
    return found


def _probed(worker: Worker, wanted: Environment, built: Built) -> Iterator[Finding]:
    reply = worker.ask(Probe(imports=wanted.spec.imports), Probed)
    yield _versions(wanted, reply.versions, built)
    yield _imports(wanted.spec.imports, reply.failures)


def _versions(wanted: Environment, found: Mapping[str, str], built: Built) -> Finding:
    """Hold what is installed now against the lock."""
    from packaging.utils import canonicalize_name

    installed: dict[str, str] = {
        canonicalize_name(name): version for name, version in found.items()
    }
    wrong = []
    for pin in wanted.lock:
        name, _, version = pin.partition("==")
        own = installed.get(canonicalize_name(name.partition("[")[0]))
        if own != version:
            wrong.append(f"{name} is {own or 'absent'}, not {version}")
    torch = wanted.spec.torch
    if torch and installed.get("torch", "").partition("+")[0] != torch:
        wrong.append(f"torch is {installed.get('torch', 'absent')}, not {torch}")
    if wrong:
        cure = f"run `matalign env remove {built.name}` and `matalign env create {built.name}`"
        return Finding(passed=False, subject="versions", sentence=f"{'; '.join(wrong)}: {cure}")
    return Finding(passed=True, subject="versions", sentence=f"{len(wanted.lock)} as locked")


def _imports(wanted: Sequence[str], failures: Mapping[str, str]) -> Finding:
    if failures:
        sentence = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
        return Finding(passed=False, subject="imports", sentence=sentence)
    sentence = ", ".join(wanted) or "the spec names none"
    return Finding(passed=True, subject="imports", sentence=sentence)
