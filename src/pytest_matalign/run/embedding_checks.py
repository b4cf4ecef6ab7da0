"""What is said of one embedding by itself: its intrinsic dimension, and how it has drifted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_matalign.verdicts.expectations import combined_verdict, explain_bounds, judge_bound
from pytest_matalign.verdicts.records import Dimension

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.suites.schema import Band
    from pytest_matalign.verdicts.records import ExpectationOutcome
    from pytest_matalign.verdicts.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class JudgedDimension:
    """The intrinsic dimension of an embedding held against what its suite expects."""

    dimension: Dimension
    outcomes: tuple[ExpectationOutcome, ...]
    verdict: Verdict
    reason: str


def judge_dimension(embedding: Embedding, bands: Sequence[Band]) -> JudgedDimension:
    """Return the dimension by the method of the last band, and every band's outcome.

    Raises:
        MetricInputError: Too few samples for an estimate.
    """
    from pytest_matalign.statistics.dimension import assess_dimension

    outcomes = []
    for band in bands:
        found = assess_dimension(embedding.vectors, method=band.method)
        dimension = Dimension(
            estimator=found.estimator, value=found.value, low=found.low, high=found.high
        )
        outcomes.append(
            judge_bound(
                band,
                quantity=f"intrinsic dimension ({found.estimator})",
                value=found.value,
                low=found.low,
                high=found.high,
            )
        )
    return JudgedDimension(
        dimension=dimension,
        outcomes=tuple(outcomes),
        verdict=combined_verdict(outcomes),
        reason=explain_bounds(outcomes, n=len(embedding)),
    )
