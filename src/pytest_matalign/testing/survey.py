"""Conformance reports of many models: one JSON file, one page of the docs."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.testing.conformance import TOLERANCE, check_adapter
from pytest_matalign.testing.report import (
    ConformanceReport,  # noqa: TC001  msgspec resolves it at run time
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pytest_matalign.testing.report import Check
    from pytest_matalign.zoo.card import ModelCard

_TOLD = (
    "permutation", "rotation", "translation", "supercell", "smiles", "repeat", "order", "batch",
)  # fmt: skip


class Survey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `matalign zoo check` found."""

    python: str
    torch: str
    machine: str
    tolerance: float
    reports: tuple[ConformanceReport, ...] = ()
    skipped: dict[str, str] = {}
    """Why a model was not checked, by its id."""

    @classmethod
    def here(cls, *, tolerance: float = TOLERANCE) -> Survey:
        """One of no models yet, on this machine."""
        return cls(
            python=platform.python_version(),
            torch=metadata.version("torch").partition("+")[0],
            machine=f"{platform.system()} {platform.machine()}",
            tolerance=tolerance,
        )

    @property
    def conforms(self) -> bool:
        """Whether every model that was checked does."""
        return all(report.conforms for report in self.reports)


def survey(
    cards: Iterable[ModelCard], *, tolerance: float = TOLERANCE, allow_pickle: bool = False
) -> Iterator[Survey]:
    """Check models one after the other; each value holds all that were done so far."""
    done = Survey.here(tolerance=tolerance)
    for card in cards:
        try:
            report = check_adapter(card, tolerance=tolerance, allow_pickle=allow_pickle)
        except (UnavailableError, ConfigurationError) as error:
            skipped = {**done.skipped, card.id: str(error)}
            done = msgspec.structs.replace(done, skipped=skipped)
        else:
            done = msgspec.structs.replace(done, reports=(*done.reports, report))
        yield done


def read_survey(path: Path) -> Survey:
    """Read what `matalign zoo check --json` wrote.

    Raises:
        ConfigurationError: If the file is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Survey)
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{path} was not written by `matalign zoo check`: {error}.") from (
            error
        )


def page(found: Survey) -> Iterator[str]:
    """The lines of the docs' page, in Markdown."""
    from collections import Counter

    passing = sum(report.conforms for report in found.reports)
    yield "# Conformance\n"
    yield (
        f"What `matalign zoo check` measured with the real weights of {len(found.reports)} models "
        f"({passing} conform), on Python {found.python} with torch {found.torch} where the model "
        f"has no environment of its own, one thread, {found.machine}. Numbers say how far an "
        f"embedding moves, in median distances between two different samples; up to "
        f"{found.tolerance:g} counts as none. Numbers in italics pass no judgement: a string model "
        f"may see how a SMILES is written. Samples a second are what the machine did beside its "
        f"other work while checking: a lower bound, on small samples, and no benchmark.\n"
    )
    for family in dict.fromkeys(report.family for report in found.reports):
        own = [report for report in found.reports if report.family == family]
        yield f"\n## {family}\n"
        columns = [name for name in _TOLD if any(_shown(report, name) for report in own)]
        yield "| model | checks | " + " | ".join(columns) + " | samples/s | runs in |"
        yield "|---|---|" + "---|" * (len(columns) + 2)
        for report in own:
            cells = [_shown(report, name) or "–" for name in columns]
            tally = Counter(check.outcome for check in report.checks)
            verdict = f"{tally['passed']} passed"
            verdict += f", **{tally['failed']} failed**" if tally["failed"] else ""
            place = f"`{report.environment}`" if report.environment else "the host's"
            speed = _shown(report, "speed").strip("*") or "–"
            yield "| " + " | ".join([f"`{report.model}`", verdict, *cells, speed, place]) + " |"
        for report in own:
            for check in report.failures:
                yield f"\n`{report.model}` fails *{check.name}*: {check.sentence}"
    if found.skipped:
        yield "\n## Not checked\n"
        yield "| model | why |\n|---|---|"
        for model, reason in found.skipped.items():
            yield f"| `{model}` | {reason.replace('|', chr(92) + '|')} |"
    yield "\n## The checks\n"
    yield from _explained()


def _shown(report: ConformanceReport, name: str) -> str:
    """A check's number for a table, or nothing."""
    one = next((check for check in report.checks if check.name == name), None)
    if one is None or one.measured is None:
        return ""
    number = _number(one)
    if one.outcome == "failed":
        return f"**{number}**"
    return f"*{number}*" if one.outcome == "measured" else number


def _number(check: Check) -> str:
    assert check.measured is not None
    if check.measured == 0 or check.measured >= 10:
        return f"{check.measured:,.0f}"
    return f"{check.measured:.2g}"


def _explained() -> Iterator[str]:
    """Every check in words, from its own docstring."""
    from pytest_matalign.testing.checks import CHECKS

    yield "| check | |\n|---|---|"
    for name, check in CHECKS.items():
        yield f"| `{name}` | {(check.__doc__ or '').strip()} |"
