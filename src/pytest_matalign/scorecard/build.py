"""Gather records, cards and circumstances into one scorecard."""

from __future__ import annotations

import platform
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign import __version__
from pytest_matalign.environments.provenance import packages_behind
from pytest_matalign.scorecard.model import ModelEntry, Run, Scorecard, SplitEntry, SuiteEntry
from pytest_matalign.suites.load import card_of_split
from pytest_matalign.zoo.packages import BENEATH, versions_here

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_matalign.suites.schema import Suite
    from pytest_matalign.verdicts.records import (
        AlignmentRecord,
        EmbeddingRecord,
        GateRecord,
        StaleRow,
    )
    from pytest_matalign.zoo.card import ModelCard


class RunClock:
    """When a run began and by what command."""

    def __init__(self, *, command: str) -> None:
        self._command = command
        self._started = datetime.now(UTC)
        self._monotonic = time.monotonic()

    def read(self, embeddings: Iterable[EmbeddingRecord], models: Iterable[ModelCard]) -> Run:
        """Circumstances of the run until now."""
        known = [record for record in embeddings if record.origin]
        origins = Counter(record.origin for record in known)
        rows_from: dict[str, dict[str, None]] = {}
        for record in known:
            rows_from.setdefault(record.model, {})[record.origin] = None
        return Run(
            started=self._started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - self._monotonic, 3),
            command=self._command,
            python=platform.python_version(),
            packages=_packages(models),
            embedding_origins=dict(sorted(origins.items())),
            rows_from={model: ", ".join(sorted(found)) for model, found in rows_from.items()},
            blocks={r.digest: r.blocks for r in embeddings if r.digest and r.blocks},
        )


def build_scorecard(
    *,
    embeddings: Sequence[EmbeddingRecord],
    alignments: Sequence[AlignmentRecord],
    gates: Sequence[GateRecord],
    stale: Sequence[StaleRow],
    suites: Mapping[str, Suite],
    cards: Mapping[str, ModelCard],
    candidate: str | None,
    clock: RunClock,
) -> Scorecard:
    """Make the scorecard of records that are in the order of their cases."""
    seen = dict.fromkeys([record.model for record in embeddings])
    seen |= dict.fromkeys(model for record in alignments for model in (record.a, record.b))
    return Scorecard(
        package_version=__version__,
        candidate=candidate,
        suites=tuple(
            SuiteEntry(name=suite.name, title=suite.title, version=suite.version)
            for suite in suites.values()
        ),
        splits=_split_entries(embeddings, suites),
        models=tuple(_model_entry(cards[model]) for model in seen),
        embeddings=tuple(
            msgspec.structs.replace(record, origin="", blocks=()) for record in embeddings
        ),
        alignments=tuple(alignments),
        gates=tuple(gates),
        stale=tuple(stale),
        run=clock.read(embeddings, [cards[model] for model in seen]),
    )


def _split_entries(
    embeddings: Iterable[EmbeddingRecord], suites: Mapping[str, Suite]
) -> tuple[SplitEntry, ...]:
    # Two suites may take different numbers of a split; the entry tells of the larger.
    largest: dict[str, EmbeddingRecord] = {}
    for record in embeddings:
        known = largest.setdefault(record.split, record)
        if record.requested > known.requested:
            largest[record.split] = record
    named = {split.id: split for suite in suites.values() for split in suite.split}
    cards = {split: card_of_split(named[split]) for split in largest}
    return tuple(
        SplitEntry(
            id=split,
            title=cards[split].title,
            version=str(cards[split].version),
            role=cards[split].role,
            samples=record.requested,
            fingerprint=record.fingerprint,
        )
        for split, record in largest.items()
    )


def _model_entry(card: ModelCard) -> ModelEntry:
    return ModelEntry(
        id=card.id,
        name=card.name,
        family=card.family,
        modality=card.modality,
        role=card.role,
        control=card.control,
        training=card.training,
        parameters=card.parameters,
        layer=card.layer,
        pooling=card.pooling,
        kind=card.kind,
        licence_weights=card.licence_weights,
        weights_sha256=card.weights.sha256 if card.weights else None,
    )


def _packages(models: Iterable[ModelCard]) -> dict[str, str]:
    """Return the versions of what the run stands on here, and of each model's own where it runs."""
    found: dict[str, str] = {}
    for card in models:
        found |= packages_behind(card)
    return dict(sorted((found | versions_here("pytest-matalign", "pytest", *BENEATH)).items()))
