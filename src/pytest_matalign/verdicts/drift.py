"""Which samples moved most between two releases of a model: those whose neighbours changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.embeddings.embedding import common_ids
from pytest_matalign.metrics.arrays import gram
from pytest_matalign.metrics.neighbours import neighbour_weights
from pytest_matalign.metrics.preprocessing import preprocess
from pytest_matalign.verdicts.records import Drift, Moved

if TYPE_CHECKING:
    from pytest_matalign.embeddings.embedding import Embedding

NEIGHBOURS = 10
MOST_MOVED = 10


def drift(now: Embedding, before: Embedding) -> Drift | None:
    """How the neighbourhoods of two releases differ; None where too few samples are common.

    Neighbours are the k of largest cosine after centring, as in `metrics.mutual_knn`; ties share.
    """
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
