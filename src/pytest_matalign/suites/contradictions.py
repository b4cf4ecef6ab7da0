"""What a suite file may get wrong although every key and type in it is right."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from pytest_matalign.suites.schema import matches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.suites.schema import Band, Expectation, Gate, Suite

_GATE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def contradictions(suite: Suite) -> Iterator[str]:
    """One sentence a contradiction, naming the table it is in."""
    yield from _repeated(suite)
    if not _GATE_ID.fullmatch(suite.name):
        yield f"name {suite.name!r}: names are letters, digits, dots, underscores and hyphens."
    for metric in suite.metric:
        if metric.tolerance is not None and not 0 <= metric.tolerance <= 1:
            yield f"metric {metric.name!r}: tolerance is {metric.tolerance}; give one from 0 to 1."
    for expectation in suite.expectation:
        yield from _of_expectation(expectation, suite)
    for band in suite.dimension:
        yield from _of_band(band, suite)
    for gate in suite.gate:
        yield from gate_contradictions(gate, suite)


def gate_contradictions(gate: Gate, suite: Suite) -> Iterator[str]:
    """What is wrong with a gate of a suite, in whichever file it stands."""
    where = f"gate {gate.id!r}"
    if (gate.at_least is None) == (gate.at_most is None):
        yield f"{where} must have exactly one of at_least and at_most."
    wanted = {"error-budget": "at_most", "coverage": "at_least"}.get(gate.kind)
    if wanted is not None and getattr(gate, wanted) is None:
        yield f"{where} of kind {gate.kind} must have {wanted}."
    yield from _finite(where, at_least=gate.at_least, at_most=gate.at_most)
    if not _GATE_ID.fullmatch(gate.id):
        yield f"{where}: ids are letters, digits, dots, underscores and hyphens."
    if gate.metric is not None:
        yield from _unknown_metric(gate.metric, where, suite)
    yield from _unknown_splits(gate.splits, where, suite)


def unmatched(suite: Suite, *, candidate: str) -> Iterator[str]:
    """One sentence per selection that selects none of the suite's models or the candidate."""
    known = [*suite.models, *suite.controls, candidate]
    chosen = [
        *(
            (f"expectation {one.id!r}", f"between[{side}]", patterns, known)
            for one in suite.expectation
            for side, patterns in enumerate(one.between or ())
        ),
        *((f"dimension {one.id!r}", "models", one.models, known) for one in suite.dimension),
        *((f"gate {one.id!r}", "models", one.models, known) for one in suite.gate),
        *((f"gate {one.id!r}", "references", one.references, suite.models) for one in suite.gate),
    ]
    for where, key, patterns, models in chosen:
        for pattern in patterns:
            named = pattern == "*" or (pattern == "candidate" and key != "references")
            if not named and not any(matches(model, [pattern]) for model in models):
                yield (
                    f"{where}: {pattern!r} in {key} matches no model, so that it would hold "
                    f"nothing; valid are {', '.join(models)}."
                )


def _finite(where: str, **numbers: float | None) -> Iterator[str]:
    for name, number in numbers.items():
        if number is not None and not math.isfinite(number):
            yield f"{where}: {name} is {number}, which bounds nothing; give a number."


def _repeated(suite: Suite) -> Iterator[str]:
    for kind, names in (
        ("model", [*suite.models, *suite.controls]),
        ("split", [split.id for split in suite.split]),
        ("metric", [metric.name for metric in suite.metric]),
        ("expectation", [expectation.id for expectation in suite.expectation]),
        ("dimension", [band.id for band in suite.dimension]),
        ("gate", [gate.id for gate in suite.gate]),
    ):
        for name in names:
            if names.count(name) > 1:
                yield f"{kind} {name!r} is listed twice; list it once."


def _of_expectation(expectation: Expectation, suite: Suite) -> Iterator[str]:
    where = f"expectation {expectation.id!r}"
    yield from _finite(where, at_least=expectation.at_least, at_most=expectation.at_most)
    if expectation.above and expectation.closer_than:
        yield f"{where} has both above and closer_than; keep one."
    elif expectation.above or expectation.closer_than:
        yield from _of_difference(expectation, where, suite)
    elif (expectation.at_least is None) == (expectation.at_most is None):
        yield f"{where} must have exactly one of at_least and at_most."
    yield from _unknown_metric(expectation.metric, where, suite)
    yield from _unknown_splits(expectation.splits, where, suite)


def _of_difference(expectation: Expectation, where: str, suite: Suite) -> Iterator[str]:
    if expectation.at_most is not None:
        yield f"{where} compares two alignments; give at_least, or nothing for 0."
    if expectation.closer_than and not expectation.between:
        yield f"{where} has closer_than and needs between = [[model], [closer one]]."
    known = [*suite.models, *suite.controls, *(["untrained"] if expectation.above else [])]
    other = expectation.above or expectation.closer_than
    if other not in known:
        yield f"{where} names model {other!r}; valid are {', '.join(known)}."


def _of_band(band: Band, suite: Suite) -> Iterator[str]:
    where = f"dimension {band.id!r}"
    yield from _finite(where, at_least=band.at_least, at_most=band.at_most)
    if (band.at_least is None) == (band.at_most is None):
        yield f"{where} must have exactly one of at_least and at_most."
    yield from _unknown_splits(band.splits, where, suite)


def _unknown_metric(metric: str, where: str, suite: Suite) -> Iterator[str]:
    metrics = [one.name for one in suite.metric]
    if metric not in metrics:
        yield f"{where} names metric {metric!r}; valid are {', '.join(metrics)}."


def _unknown_splits(splits: tuple[str, ...] | None, where: str, suite: Suite) -> Iterator[str]:
    known = [split.id for split in suite.split]
    for split in splits or ():
        if split not in known:
            yield f"{where} names split {split!r}; valid are {', '.join(known)}."
