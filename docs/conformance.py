"""The page on the conformance of models, from what `matalign zoo check --json` wrote."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.testing.checks import CHECKS
from pytest_matalign.testing.survey import Survey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.testing.report import Check, ConformanceReport

FOUND = Path(__file__).parents[1] / "benchmarks" / "conformance.json"
_TOLD = (
    "permutation", "rotation", "translation", "supercell", "smiles", "repeat", "order", "batch",
)  # fmt: skip


def page() -> Iterator[str]:
    """The lines of the page, in Markdown."""
    found = msgspec.json.decode(FOUND.read_bytes(), type=Survey)
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
    yield from _energies(found)
    if found.skipped:
        yield "\n## Not checked\n"
        yield "| model | why |\n|---|---|"
        for model, reason in found.skipped.items():
            yield f"| `{model}` | {reason.replace('|', chr(92) + '|')} |"
    yield "\n## The checks\n"
    yield from _explained()


def _energies(found: Survey) -> Iterator[str]:
    """What potentials give for the structures on their cards."""
    checks = {
        report.model: check
        for report in found.reports
        for check in report.checks
        if check.name == "energies" and check.measured is not None
    }
    if checks:
        within = sum(check.outcome == "passed" for check in checks.values())
        yield f"\n## Energies\n\nOf {len(checks)} models with energies on their cards {within} "
        yield "give them within the tolerance; loading refuses a network that does not.\n"
        yield "| model | energies | of the tolerance |\n|---|---|---|"
        for model, check in checks.items():
            yield f"| `{model}` | {check.sentence} | {check.measured:.2f} |"


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
    yield "| check | |\n|---|---|"
    for name, check in CHECKS.items():
        yield f"| `{name}` | {(check.__doc__ or '').strip()} |"
