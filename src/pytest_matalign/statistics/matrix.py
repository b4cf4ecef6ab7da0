"""All pairs of many embeddings at once, each with its interval and its permutation null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from pytest_matalign.engine.distances import DistanceSums, block_rows
from pytest_matalign.engine.matrix import checked_length, open_spaces
from pytest_matalign.engine.neighbours import neighbour_lists
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.neighbours import require_neighbours
from pytest_matalign.statistics.matrix_distances import (
    MomentPass,
    cka_moments,
    distance_moments,
    imbalance_moments,
)
from pytest_matalign.statistics.matrix_overlap import MatrixMoments, overlap_moments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_matalign.engine.spaces import Rows, Space
    from pytest_matalign.metrics.arrays import Float64

MATRIX_METRICS = (
    "cknna",
    "mutual_knn",
    "distance_correlation",
    "information_imbalance",
    "linear_cka",
)
"""Metrics `assess_matrix` offers; information imbalance is the mean of both directions, at k 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixEstimate:
    """One metric of all pairs; arrays (M, M), symmetric.

    Attributes:
        value: The metric.
        low: Lower ends of the intervals.
        high: Upper ends.
        null_mean: Means over all permutations.
        null_sd: Standard deviations over permutations.
        p_value: Probability of so much alignment under permutation, by the normal law.
    """

    value: Float64
    low: Float64
    high: Float64
    null_mean: Float64
    null_sd: Float64
    p_value: Float64


def assess_matrix(
    embeddings: Mapping[str, Rows],
    *,
    metrics: Iterable[str] = MATRIX_METRICS,
    preprocess: str = "center-l2",
    k: Mapping[str, int] | None = None,
    confidence: float = 0.95,
    memory: int = 1 << 28,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, MatrixEstimate]:
    """Return every metric of every pair with interval and null, in the order of the embeddings.

    The statistics of `assess`, from the passes of `alignment_matrix`, in float32 on the CPU:
    values to about 1e-5, standard errors to a few percent. Memory grows by 4 bytes times n times
    the square of the number of embeddings for each metric, as every sample's influence on every
    pair is kept.

    Args:
        embeddings: By name, each (n, d); see `alignment_matrix`.
        metrics: Names from `MATRIX_METRICS`.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.
        k: Neighbours for `cknna` (25) and `mutual_knn` (10).
        confidence: Level of the intervals.
        memory: Bytes a block of rows of all spaces may take.
        progress: Called with the pass, what is done and what there is to do.

    Raises:
        MetricInputError: As `alignment_matrix`; or a confidence outside (0, 1).
    """
    wanted = set(metrics)
    if unknown := sorted(wanted - set(MATRIX_METRICS)):
        raise MetricInputError(
            f"unknown metrics {', '.join(unknown)}; choose from {', '.join(MATRIX_METRICS)}."
        )
    if not 0 < confidence < 1:
        raise MetricInputError(f"confidence is {confidence}; it must lie between 0 and 1.")
    n = checked_length(embeddings)
    sizes = {"cknna": 25, "mutual_knn": 10} | dict(k or {})
    for name, size in sizes.items():
        if name in wanted:
            require_neighbours(size, n)
    spaces = open_spaces(embeddings, preprocess, torch.device("cpu"), keep=None)
    report = progress or (lambda *_: None)
    moments = _moments(spaces, wanted, sizes, memory, report)
    return {
        name: _estimate(moments[name], confidence, lower=name == "information_imbalance")
        for name in MATRIX_METRICS
        if name in wanted
    }


def _moments(
    spaces: list[Space],
    wanted: set[str],
    sizes: Mapping[str, int],
    memory: int,
    report: Callable[[str, int, int], None],
) -> dict[str, MatrixMoments]:
    count, n = len(spaces), spaces[0].n
    result = {}
    lists = []
    by_product = max((sizes[m] for m in ("cknna", "mutual_knn") if m in wanted), default=1)
    for index, space in enumerate(spaces):
        rows = block_rows(2, n, min(memory, 1 << 26))
        lists.append(neighbour_lists(space, k=by_product, rows=rows))
        report("neighbours", index + 1, count)
    for index, name in enumerate(("cknna", "mutual_knn")):
        if name in wanted:
            result[name] = overlap_moments(spaces, lists, k=sizes[name], kernel=name == "cknna")
        report("overlaps", index + 1, 2)
    if wanted & {"distance_correlation", "information_imbalance"}:
        work = MomentPass(
            spaces,
            lists,
            imbalance="information_imbalance" in wanted,
            products="distance_correlation" in wanted,
            rows=block_rows(count, n, memory),
            threads=torch.get_num_threads(),
        )
        sums = DistanceSums.empty(count, n)
        while sums.row < n:
            work.advance(sums)
            report("distances", sums.row, n)
        if "distance_correlation" in wanted:
            result["distance_correlation"] = distance_moments(work, sums)
        if "information_imbalance" in wanted:
            result["information_imbalance"] = imbalance_moments(work, sums)
    if "linear_cka" in wanted:
        result["linear_cka"] = cka_moments(spaces, report)
    return result


def _estimate(moments: MatrixMoments, confidence: float, *, lower: bool) -> MatrixEstimate:
    from scipy.special import ndtr, ndtri

    half_width = float(ndtri(0.5 + confidence / 2)) * moments.error
    distance = np.divide(
        moments.value - moments.null_mean,
        moments.null_sd,
        out=np.zeros_like(moments.value),
        where=moments.null_sd > 0,
    )
    return MatrixEstimate(
        value=moments.value,
        low=moments.value - half_width,
        high=moments.value + half_width,
        null_mean=moments.null_mean,
        null_sd=moments.null_sd,
        p_value=np.asarray(ndtr(distance if lower else -distance)),
    )
