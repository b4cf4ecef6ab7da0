"""What is said of one embedding by itself: its intrinsic dimension, and how it has drifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.errors import MetricInputError
from pytest_matalign.scorecard.model import Dimension, Drift, Moved
from pytest_matalign.verdicts import expectations as judge

if TYPE_CHECKING:
    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.scorecard.model import EmbeddingRecord
    from pytest_matalign.suites.schema import Suite

NEIGHBOURS = 10
MOST_MOVED = 10


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


def drift(now: Embedding, before: Embedding) -> Drift | None:
    """How the neighbourhoods of two releases differ; None where too few samples are common.

    Neighbours are the k of largest cosine after centring, as in `metrics.mutual_knn`; ties share.
    """
    import numpy as np

    from pytest_matalign.embeddings.embedding import common_ids
    from pytest_matalign.metrics.arrays import gram
    from pytest_matalign.metrics.neighbours import neighbour_weights
    from pytest_matalign.metrics.preprocessing import preprocess

    ids = common_ids(now, before)
    if len(ids) <= NEIGHBOURS + 1:
        return None
    kernels = [
        gram(preprocess(embedding.rows(ids).astype(np.float64), "center-l2"))
        for embedding in (now, before)
    ]
    weights = [neighbour_weights(kernel, NEIGHBOURS) for kernel in kernels]
    norms = np.sqrt((weights[0] ** 2).sum(axis=1) * (weights[1] ** 2).sum(axis=1))
    kept = (weights[0] * weights[1]).sum(axis=1) / norms
    # Many samples may have kept none: then by how far their similarities to all others moved.
    change = np.abs(kernels[0] - kernels[1]).sum(axis=1)
    order = np.lexsort((-change, kept))[:MOST_MOVED]
    moved = tuple(Moved(id=ids[i], overlap=round(float(kept[i]), 6)) for i in order if kept[i] < 1)
    return Drift(n=len(ids), k=NEIGHBOURS, overlap=float(kept.mean()), moved=moved)
