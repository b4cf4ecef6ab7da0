"""What is said of one embedding by itself: its intrinsic dimension, and how it has drifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.errors import MetricInputError
from pytest_matalign.scorecard.model import Dimension
from pytest_matalign.verdicts import expectations as judge
from pytest_matalign.verdicts.drift import drift

if TYPE_CHECKING:
    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.scorecard.model import EmbeddingRecord
    from pytest_matalign.suites.schema import Suite


def portray(
    record: EmbeddingRecord,
    embedding: Embedding,
    *,
    suite: Suite,
    candidate: str | None,
    earlier: Embedding | None,
) -> EmbeddingRecord:
    """Add what the suite expects of the dimension, and the drift from an earlier release."""
    if earlier is not None:
        record = msgspec.structs.replace(record, drift=drift(embedding, earlier))
    bands = [
        band
        for band in suite.dimension
        if band.selects(record.model, record.split, candidate=candidate)
    ]
    if not bands:
        return record
    from pytest_matalign.statistics.dimension import assess_dimension

    outcomes = []
    for band in bands:
        try:
            found = assess_dimension(embedding.vectors, method=band.method)
        except MetricInputError as error:
            return msgspec.structs.replace(record, verdict="error", reason=str(error))
        dimension = Dimension(
            estimator=found.estimator, value=found.value, low=found.low, high=found.high
        )
        outcomes.append(
            msgspec.structs.replace(
                judge.apply(band, low=found.low, high=found.high),
                quantity=f"intrinsic dimension ({found.estimator})",
                value=found.value,
                low=found.low,
                high=found.high,
            )
        )
    reason = judge.explain(
        outcomes,
        value=dimension.value,
        low=dimension.low,
        high=dimension.high,
        metric="intrinsic dimension",
        n=record.n,
    )
    return msgspec.structs.replace(
        record,
        dimension=dimension,
        expectations=tuple(outcomes),
        verdict=judge.combine(outcomes),
        reason=reason,
    )
