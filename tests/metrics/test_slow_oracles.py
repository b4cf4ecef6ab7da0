"""Agreement with loop-by-loop definitions, on ties and duplicates too."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from pytest_matalign import (
    cknna,
    distance_correlation,
    information_imbalance,
    linear_cka,
    mutual_knn,
)

_spec = importlib.util.spec_from_file_location("oracles", Path(__file__).parent / "oracles.py")
oracles = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(oracles)


def _pair(kind):
    rng = np.random.default_rng(4)
    if kind == "lattice":  # exact in binary, so ties are exact everywhere
        return rng.integers(0, 3, size=(24, 3)) * 1.0, rng.integers(0, 3, size=(24, 2)) * 1.0
    x = rng.normal(size=(24, 4))
    y = x @ rng.normal(size=(4, 5)) + 0.5 * rng.normal(size=(24, 5))
    if kind == "duplicates":
        x[5] = x[3]
        x[10:14] = x[9]
        y[7] = y[2]
    return x, y


@pytest.mark.parametrize("kind", ["generic", "duplicates", "lattice"])
@pytest.mark.parametrize("k", [1, 4, 23])
def test_neighbour_metrics_follow_their_definition(kind, k):
    """Overlap, CKNNA and imbalance equal the loops, whoever shares a place with whom."""
    x, y = _pair(kind)
    a, b = oracles.as_lists(x), oracles.as_lists(y)
    assert mutual_knn(x, y, k=k, preprocess="none") == pytest.approx(oracles.overlap(a, b, k))
    assert cknna(x, y, k=k, preprocess="none") == pytest.approx(
        oracles.overlap(a, b, k, kernels=True)
    )
    expected = (oracles.imbalance(a, b, k), oracles.imbalance(b, a, k))
    assert information_imbalance(x, y, k=k, preprocess="none") == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["generic", "duplicates", "lattice"])
def test_unbiased_statistics_average_over_quadruples(kind):
    """Unbiased CKA and dCor are the U-statistics they claim to be."""
    x, y = (side[:14] for side in _pair(kind))
    a, b = oracles.as_lists(x), oracles.as_lists(y)
    assert linear_cka(x, y, unbiased=True, preprocess="none") == pytest.approx(
        oracles.ratio_unbiased(oracles.inner(a), oracles.inner(b))
    )
    assert distance_correlation(x, y, bias_corrected=True, preprocess="none") == pytest.approx(
        oracles.ratio_unbiased(oracles.dist(a), oracles.dist(b))
    )
