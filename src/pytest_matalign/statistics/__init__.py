"""Intervals, permutation nulls, calibration and paired comparison of alignments."""

from pytest_matalign.statistics.assess import (
    Difference,
    Estimate,
    Prepared,
    assess,
    assess_difference,
    prepare,
)
from pytest_matalign.statistics.dimension import DimensionEstimate, assess_dimension
from pytest_matalign.statistics.spec import METRICS, MetricSpec, metric_spec

__all__ = [
    "METRICS",
    "Difference",
    "DimensionEstimate",
    "Estimate",
    "MetricSpec",
    "Prepared",
    "assess",
    "assess_difference",
    "assess_dimension",
    "metric_spec",
    "prepare",
]
