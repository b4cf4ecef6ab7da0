"""Reduce a scorecard to the few numbers a person reads first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.verdicts.records import EmbeddingRecord, GateRecord, measured
from pytest_matalign.verdicts.verdict import VERDICTS, fails

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_matalign.scorecard.model import ModelEntry, Scorecard, SplitEntry, SuiteEntry
    from pytest_matalign.statistics.alignment import Alignment
    from pytest_matalign.verdicts.records import AlignmentRecord


def with_references(
    scorecard: Scorecard,
) -> Iterator[tuple[AlignmentRecord, str, Alignment]]:
    """Yield the candidate's alignments with models that are no controls, and with whom each is."""
    controls = {model.id for model in scorecard.models if model.role == "control"}
    for record, found in measured(scorecard.alignments):
        others = {record.a, record.b} - {scorecard.candidate}
        if len(others) == 1 and not others & controls:
            yield record, others.pop(), found


@dataclass(frozen=True, kw_only=True)
class Partner:
    """The other model of a pair, and how closely it agrees."""

    model: str
    value: float


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """One model on one split."""

    model: ModelEntry
    n: int  # Samples embedded
    mean: float | None  # Mean alignment with the other pretrained models
    best: Partner | None  # Closest other pretrained model
    worst: Partner | None  # Farthest other pretrained model
    control: Partner | None  # Closest control, which needs no learning
    # How many of the model's alignments, by every metric, had each verdict
    verdicts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class SplitTable:
    """Every pretrained model on one split of one suite, by the suite's first metric."""

    suite: SuiteEntry
    split: SplitEntry
    metric: str
    k: int | None
    rows: tuple[ModelRow, ...]


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A model that could not be embedded, and why."""

    model: str
    reason: str
    splits: tuple[str, ...]


def split_tables(scorecard: Scorecard) -> list[SplitTable]:
    """One table a suite and split, in the order of the run."""
    models = {model.id: model for model in scorecard.models}
    splits = {split.id: split for split in scorecard.splits}
    tables = []
    for suite in scorecard.suites:
        for split_id in _splits_of(suite.name, scorecard):
            records = [
                record
                for record in scorecard.alignments
                if record.suite == suite.name and record.split == split_id
            ]
            found = measured(records)
            if not found or split_id not in splits:
                continue
            first = found[0][1]
            headline = [(record, one) for record, one in found if one.metric == first.metric]
            embedded = [
                record
                for record in scorecard.embeddings
                if record.suite == suite.name and record.split == split_id
            ]
            sizes = {record.model: record.n for record in embedded}
            # What this suite took of the split, which another may take more of.
            asked = max((record.requested for record in embedded), default=0)
            split = splits[split_id]
            rows = [
                _row(model, sizes.get(model.id, 0), headline, records, models)
                for model in models.values()
                if model.role != "control" and any(model.id in (r.a, r.b) for r, _ in headline)
            ]
            tables.append(
                SplitTable(
                    suite=suite,
                    split=msgspec.structs.replace(split, samples=asked or split.samples),
                    metric=first.metric,
                    k=first.k,
                    rows=tuple(sorted(rows, key=lambda row: -(row.mean or 0.0))),
                )
            )
    return tables


def verdict_counts(
    records: Iterable[AlignmentRecord | EmbeddingRecord | GateRecord],
) -> Counter[str]:
    """How many records have each verdict, in the fixed order of verdicts."""
    found = Counter(record.verdict for record in records)
    return Counter({verdict: found[verdict] for verdict in VERDICTS if found[verdict]})


def failures(scorecard: Scorecard) -> list[AlignmentRecord | EmbeddingRecord | GateRecord]:
    """Every record whose verdict fails a test: gates first, which speak of many checks."""
    everything: Sequence[AlignmentRecord | EmbeddingRecord | GateRecord] = [
        *scorecard.gates,
        *scorecard.embeddings,
        *scorecard.alignments,
    ]
    return [record for record in everything if fails(record)]


def subject(record: AlignmentRecord | EmbeddingRecord | GateRecord) -> str:
    """What a record is about, in a few words."""
    if isinstance(record, GateRecord):
        return f"{record.suite}, gate {record.id}"
    who = record.model if isinstance(record, EmbeddingRecord) else f"{record.a} and {record.b}"
    return f"{record.suite}/{record.split}, {who}"


def missing_models(scorecard: Scorecard, suite: str) -> list[Missing]:
    """Models of a suite that were not embedded, by reason."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for record in scorecard.embeddings:
        if record.suite == suite and record.verdict in {"skipped", "error"}:
            grouped.setdefault((record.model, record.reason), []).append(record.split)
    return [
        Missing(model=model, reason=reason, splits=tuple(splits))
        for (model, reason), splits in grouped.items()
    ]


def in_words(counts: Counter[str]) -> str:
    """`12 passed, 1 failed`."""
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items()) or "none"


def _row(
    model: ModelEntry,
    n: int,
    headline: Sequence[tuple[AlignmentRecord, Alignment]],
    records: Sequence[AlignmentRecord],
    models: dict[str, ModelEntry],
) -> ModelRow:
    partners: dict[bool, list[Partner]] = {True: [], False: []}
    for record, alignment in headline:
        if model.id in (record.a, record.b):
            other = record.b if record.a == model.id else record.a
            control = models[other].role == "control"
            partners[control].append(Partner(model=other, value=alignment.value))
    # Closest first, whichever direction the metric runs in.
    sign = 1 if headline[0][0].higher_is_closer else -1
    trained, controls = (
        sorted(partners[control], key=lambda partner: -sign * partner.value)
        for control in (False, True)
    )
    return ModelRow(
        model=model,
        n=n,
        mean=sum(partner.value for partner in trained) / len(trained) if trained else None,
        best=trained[0] if trained else None,
        worst=trained[-1] if trained else None,
        control=controls[0] if controls else None,
        verdicts=verdict_counts(r for r in records if model.id in (r.a, r.b)),
    )


def _splits_of(suite: str, scorecard: Scorecard) -> list[str]:
    return list(dict.fromkeys(r.split for r in scorecard.alignments if r.suite == suite))
