"""Intervals, permutation nulls, calibration and paired comparison of alignments."""

from typing import TYPE_CHECKING, Any

from pytest_matalign.metrics.spec import METRICS, MetricSpec, metric_spec
from pytest_matalign.statistics.assess import (
    Difference,
    Estimate,
    Prepared,
    assess,
    assess_difference,
    prepare,
)
from pytest_matalign.statistics.calibration import benjamini_hochberg, calibrated_score
from pytest_matalign.statistics.dimension import DimensionEstimate, assess_dimension
from pytest_matalign.statistics.resampling import (
    Interval,
    PermutationTest,
    jackknife_interval,
    permutation_test,
    subsampling_interval,
)

if TYPE_CHECKING:
    from pytest_matalign.statistics.matrix import MATRIX_METRICS, MatrixEstimate, assess_matrix

__all__ = [
    "MATRIX_METRICS",
    "METRICS",
    "Difference",
    "DimensionEstimate",
    "Estimate",
    "Interval",
    "MatrixEstimate",
    "MetricSpec",
    "PermutationTest",
    "Prepared",
    "assess",
    "assess_difference",
    "assess_dimension",
    "assess_matrix",
    "benjamini_hochberg",
    "calibrated_score",
    "jackknife_interval",
    "metric_spec",
    "permutation_test",
    "prepare",
    "subsampling_interval",
]


def __getattr__(name: str) -> Any:
    """Import the passes over all pairs, and torch with them, only when asked for."""
    if name in {"MATRIX_METRICS", "MatrixEstimate", "assess_matrix"}:
        from pytest_matalign.statistics import matrix

        return getattr(matrix, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
