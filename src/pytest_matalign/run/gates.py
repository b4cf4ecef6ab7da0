"""Gates: conditions on a whole suite, judged when all of its checks are done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.suites.contradictions import gate_contradictions
from pytest_matalign.suites.schema import Gate, matches
from pytest_matalign.verdicts.expectations import judge_bound
from pytest_matalign.verdicts.records import GateRecord, measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_matalign.run.settings import HostGate
    from pytest_matalign.suites.schema import Suite
    from pytest_matalign.verdicts.records import AlignmentRecord, EmbeddingRecord
    from pytest_matalign.verdicts.verdict import Verdict

NAMED = 3
"""Pairs or models a reason names before it only counts."""


def with_host_gates(suites: Mapping[str, Suite], host: Sequence[HostGate]) -> dict[str, Suite]:
    """Suites with the host's gates laid over their own.

    Raises:
        ConfigurationError: If a host's gate names no suite of the run, or is incomplete.
    """
    result = dict(suites)
    for own in host:
        if own.suite is not None and own.suite not in suites:
            raise ConfigurationError(
                f"[[tool.matalign.gate]] {own.id!r} names suite {own.suite!r}, which is not in "
                f"this run ({', '.join(suites)})."
            )
        targets = [own.suite] if own.suite else list(suites)
        known = [name for name in targets if _position(suites[name], own.id) is not None]
        for name in known or targets:
            result[name] = _laid_over(result[name], own)
    return result


def judge_gates(
    suite: Suite,
    *,
    candidate: str | None,
    embeddings: Sequence[EmbeddingRecord],
    alignments: Sequence[AlignmentRecord],
) -> list[GateRecord]:
    """Judge every gate of a suite on all of its records.

    A mean over pairs is given the mean of their half-widths: alignments with one model share its
    samples and may err together, so nothing is gained by averaging.
    """
    found: list[GateRecord] = []
    for gate in suite.gate:
        if gate.kind == "mean-alignment":
            found += _means(gate, suite, candidate=candidate, alignments=alignments)
        elif gate.kind == "coverage":
            found.append(_coverage(gate, suite, alignments))
        else:
            found.append(_errors(gate, suite, [*embeddings, *alignments]))
    return found


def _position(suite: Suite, gate_id: str) -> int | None:
    return next((i for i, gate in enumerate(suite.gate) if gate.id == gate_id), None)


def _laid_over(suite: Suite, own: HostGate) -> Suite:
    place = _position(suite, own.id)
    given = {
        name: value
        for name in own.__struct_fields__
        if name != "suite" and (value := getattr(own, name)) is not None
    }
    if place is not None:
        gate = msgspec.structs.replace(suite.gate[place], **given)
        gates = (*suite.gate[:place], gate, *suite.gate[place + 1 :])
    else:
        if own.kind is None:
            raise ConfigurationError(
                f"[[tool.matalign.gate]] {own.id!r} is no gate of suite {suite.name!r}; a new "
                "gate needs a kind: mean-alignment, error-budget or coverage."
            )
        gate = Gate(**given)
        gates = (*suite.gate, gate)
    for problem in gate_contradictions(gate, suite):
        raise ConfigurationError(f"[[tool.matalign.gate]] for suite {suite.name!r}: {problem}")
    return msgspec.structs.replace(suite, gate=gates)


def _means(
    gate: Gate,
    suite: Suite,
    *,
    candidate: str | None,
    alignments: Sequence[AlignmentRecord],
) -> Iterator[GateRecord]:
    for model in dict.fromkeys([*([candidate] if candidate else []), *suite.models]):
        if not matches(model, gate.models, candidate=candidate):
            continue
        own = gate if model == candidate else _named(gate, f"{gate.id}-{model}")
        partners = {m for m in suite.models if m != model and matches(m, gate.references)}
        yield _mean(own, suite, model=model, partners=partners, alignments=alignments)


def _named(gate: Gate, gate_id: str) -> Gate:
    return msgspec.structs.replace(gate, id=gate_id)


def _mean(
    gate: Gate,
    suite: Suite,
    *,
    model: str,
    partners: set[str],
    alignments: Sequence[AlignmentRecord],
) -> GateRecord:
    metric = gate.metric or suite.metric[0].name
    used = [
        record
        for record in alignments
        if record.metric == metric
        and (gate.splits is None or record.split in gate.splits)
        and {record.a, record.b} - {model} <= partners
        and model in (record.a, record.b)
    ]
    found = measured(used)
    if not found:
        return _record(gate, suite, verdict="skipped", reason="no alignment was measured")
    count = len(found)
    value = sum(one.value for _, one in found) / count
    low = sum(one.low for _, one in found) / count
    high = sum(one.high for _, one in found) / count
    outcome = judge_bound(gate, quantity=f"mean {metric}", value=value, low=low, high=high)
    sign = 1.0 if found[0][0].higher_is_closer else -1.0
    weakest = sorted(found, key=lambda pair: sign * pair[1].value)[:NAMED]
    named = ", ".join(f"{_other(r, model)} on {r.split} {one.value:.3f}" for r, one in weakest)
    words = "at least" if outcome.bound == "at_least" else "at most"
    reason = (
        f"mean {metric} of {model} over {count} alignments = {value:.3f} [{low:.3f}, {high:.3f}], "
        f"expected {words} {outcome.limit:.3f} ({gate.source}); least aligned: {named}"
    )
    return _record(
        gate, suite, verdict=outcome.verdict, reason=reason, value=value, low=low, high=high
    )


def _coverage(gate: Gate, suite: Suite, alignments: Sequence[AlignmentRecord]) -> GateRecord:
    asked = [r for r in alignments if gate.splits is None or r.split in gate.splits]
    if not asked:
        return _record(gate, suite, verdict="skipped", reason="no alignment was asked for")
    found = measured(asked)
    share = len(found) / len(asked)
    missing: dict[str, int] = {}
    for record in asked:
        if record.alignment is None:
            missing[record.reason] = missing.get(record.reason, 0) + 1
    worst = sorted(missing.items(), key=lambda item: -item[1])[:NAMED]
    why = "; ".join(f"{count} × {reason}" for reason, count in worst)
    reason = (
        f"{len(found)} of {len(asked)} alignments were measured ({share:.0%}), expected at "
        f"least {gate.at_least:.0%} ({gate.source}){f'; missing: {why}' if why else ''}"
    )
    outcome = judge_bound(gate, quantity="coverage", value=share, low=share, high=share)
    return _record(gate, suite, verdict=outcome.verdict, reason=reason, value=share)


def _errors(
    gate: Gate,
    suite: Suite,
    records: Sequence[EmbeddingRecord | AlignmentRecord],
) -> GateRecord:
    wrong = [record for record in records if record.verdict == "error"]
    count = float(len(wrong))
    outcome = judge_bound(gate, quantity="errors", value=count, low=count, high=count)
    named = "; ".join(dict.fromkeys(record.reason for record in wrong[:NAMED]))
    reason = (
        f"{len(wrong)} of {len(records)} checks ended in an error, expected at most "
        f"{gate.at_most:g} ({gate.source}){f': {named}' if named else ''}"
    )
    return _record(gate, suite, verdict=outcome.verdict, reason=reason, value=count)


def _record(
    gate: Gate,
    suite: Suite,
    *,
    verdict: Verdict,
    reason: str,
    value: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> GateRecord:
    limit = gate.at_least if gate.at_least is not None else gate.at_most
    assert limit is not None, "the suite schema demands a bound"
    return GateRecord(
        suite=suite.name,
        id=gate.id,
        kind=gate.kind,
        bound="at_least" if gate.at_least is not None else "at_most",
        limit=limit,
        value=value,
        low=low,
        high=high,
        source=gate.source,
        tooltip=gate.tooltip,
        verdict=verdict,
        reason=reason,
    )


def _other(record: AlignmentRecord, model: str) -> str:
    return record.b if record.a == model else record.a
