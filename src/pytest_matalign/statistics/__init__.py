"""Intervals, permutation nulls, calibration and paired comparison of alignments."""

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
from pytest_matalign.statistics.spec import METRICS, MetricSpec, metric_spec

__all__ = [
    "METRICS",
    "Difference",
    "DimensionEstimate",
    "Estimate",
    "Interval",
    "MetricSpec",
    "PermutationTest",
    "Prepared",
    "assess",
    "assess_difference",
    "assess_dimension",
    "benjamini_hochberg",
    "calibrated_score",
    "jackknife_interval",
    "metric_spec",
    "permutation_test",
    "prepare",
    "subsampling_interval",
]
