"""Metrics of two embeddings: the engine with two spaces, in float64.

The values are those of the definitions in `pytest_matalign.metrics`, one file each, which say what
a metric is; here they are worked out in blocks, without n x n matrices, on all threads. Variants
that have no pass of their own are worked out as defined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.engine.dimension import nearest_rows
from pytest_matalign.engine.overlap import overlap_values
from pytest_matalign.engine.ranks import RankPart
from pytest_matalign.engine.run import Run
from pytest_matalign.engine.search import neighbour_lists
from pytest_matalign.engine.spaces import Space
from pytest_matalign.metrics.arrays import as_real, require_same_samples
from pytest_matalign.metrics.cknna import cknna as _cknna
from pytest_matalign.metrics.dimension import (
    DimensionMethod,
    dimension_from_nearest,
    neighbours_needed,
)
from pytest_matalign.metrics.neighbours import require_neighbours
from pytest_matalign.metrics.rsa import rsa as _rsa
from pytest_matalign.metrics.spec import metric_spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_matalign.metrics.arrays import ArrayLike, Float64
    from pytest_matalign.metrics.cknna import CknnaEstimator
    from pytest_matalign.metrics.rsa import RsaCorrelation, RsaDistance
    from pytest_matalign.metrics.spec import MetricSpec


def mutual_knn(x: ArrayLike, y: ArrayLike, *, k: int = 10, preprocess: str = "center-l2") -> float:
    """Return the share of neighbours two spaces have in common (estimator `mutual-knn/1`).

    Neighbours are by largest inner product (Huh et al. 2024, arXiv 2405.07987). Tied samples share
    the last places; a space agrees with itself to 1 even so. Independent spaces give k / (n - 1)
    on average.

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        k: Number of neighbours, 1 to n - 1.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: Arrays that cannot be compared, or k out of range.
    """
    return _overlap(_each(x, y, preprocess), k, kernel=False)


def cknna(
    x: ArrayLike,
    y: ArrayLike,
    *,
    k: int = 25,
    estimator: CknnaEstimator = "paper",
    preprocess: str = "center-l2",
) -> float:
    """Return CKNNA of two spaces, from about 0 (unrelated) to 1 (same neighbours, same kernel).

    The value falls with n at fixed k; compare only at equal n and k.

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        k: Number of neighbours, 1 to n - 1.
        estimator: `paper` (`cknna-paper/1`; Huh et al. 2024, eq. 16 to 18), or as the authors' code
            computes it: `masked-hsic` (`cknna-masked-hsic/1`), `masked-hsic-biased`
            (`cknna-masked-hsic-biased/1`, 0.6 to 0.97 for unrelated data).
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: Arrays that cannot be compared, k out of range, unknown estimator.
    """
    if estimator != "paper":
        return _cknna(x, y, k=k, estimator=estimator, preprocess=preprocess)
    return _overlap(_each(x, y, preprocess, minimum=4), k, kernel=True)


def information_imbalance(
    x: ArrayLike, y: ArrayLike, *, k: int = 1, preprocess: str = "center-l2"
) -> tuple[float, float]:
    """Return the imbalance x to y and y to x (estimator `information-imbalance/1`).

    x to y is 2 / n times the mean rank, by Euclidean distance in y, of the k nearest neighbours
    in x (Glielmo et al. 2022, PNAS Nexus 1, eq. 2). Near (k + 1) / n: x tells all about y's
    neighbours; 1: nothing. Lower is more aligned. Tied samples get mid-ranks.

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        k: Number of neighbours, 1 to n - 1.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: Arrays that cannot be compared, or k out of range.
    """
    both = _values(x, y, metric_spec("information_imbalance", k=k, preprocess=preprocess))
    return float(both[0, 1]), float(both[1, 0])


def distance_correlation(
    x: ArrayLike,
    y: ArrayLike,
    *,
    bias_corrected: bool = False,
    squared: bool = False,
    preprocess: str = "center-l2",
) -> float:
    """Return the distance correlation of Szekely et al. 2007 on Euclidean distances.

    Three quantities go by this name. `distance-correlation/1` (the default here, and in most
    packages): the square root of the V-statistic, 0 to 1. `distance-correlation-squared/1`
    (`squared=True`): the same without the root. `distance-correlation-unbiased/1`
    (`bias_corrected=True`): the U-statistic of Szekely and Rizzo 2014, on the squared scale, 0 on
    average for unrelated data and possibly negative. The others grow with d / n.

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        bias_corrected: U-statistic; `squared` then changes nothing. Needs n >= 4.
        squared: Leave the V-statistic on the squared scale.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: Arrays that cannot be compared, or all rows of one the same.
    """
    name = "distance_correlation" if bias_corrected else "distance_correlation_biased"
    value = float(_values(x, y, metric_spec(name, preprocess=preprocess), minimum=4)[0, 1])
    return value**2 if squared and not bias_corrected else value


def linear_cka(
    x: ArrayLike, y: ArrayLike, *, unbiased: bool = False, preprocess: str = "center-l2"
) -> float:
    """Return linear CKA, 0 to 1 (estimators `linear-cka/1`, `linear-cka-unbiased/1`).

    The biased form (Kornblith et al. 2019) grows with d / n for unrelated data; the unbiased one
    (Song et al. 2012, eq. 5) is 0 on average and may be negative.

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        unbiased: Which of the two forms; the unbiased one needs n >= 4.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: Arrays that cannot be compared, or all rows of one the same.
    """
    name = "linear_cka" if unbiased else "linear_cka_biased"
    return float(_values(x, y, metric_spec(name, preprocess=preprocess), minimum=4)[0, 1])


def procrustes(x: ArrayLike, y: ArrayLike, *, preprocess: str = "center-l2") -> float:
    """Return the cosine after the best rotation, 0 to 1 (estimator `procrustes-cosine/1`).

    The nuclear norm of X'Y over the Frobenius norms of X and Y, columns centred (Williams et al.
    2021). Ignores rotation, shift and scale; grows with d / n for unrelated data.

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: Arrays that cannot be compared, or all rows of one the same.
    """
    return float(_values(x, y, metric_spec("procrustes", preprocess=preprocess))[0, 1])


def rsa(
    x: ArrayLike,
    y: ArrayLike,
    *,
    distance: RsaDistance = "euclidean",
    correlation: RsaCorrelation = "spearman",
    quantiles: tuple[float, float] | None = None,
    preprocess: str = "center-l2",
) -> float:
    """Return the correlation of two spaces' pairwise distances, -1 to 1.

    Estimator `rsa-DISTANCE-CORRELATION/1`, or `rsa-geotopological-DISTANCE-CORRELATION/1` where
    `quantiles` are given (Lin and Kriegeskorte 2023, arXiv 2309.11028). All pairs are ranked at
    once: up to 16,384 samples.

    Args:
        x: (n, d1).
        y: (n, d2), row i being the same sample.
        distance: `euclidean`, `squared-euclidean`, `cosine` or `correlation`, which a rotation
            changes.
        correlation: `spearman` (mid-ranks for ties) or `pearson`, over the n (n - 1) / 2 pairs.
        quantiles: Lower and upper quantile of each space's own distances, 0 <= low < up <= 1.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.

    Raises:
        MetricInputError: Arrays that cannot be compared, unknown settings, or all pairs of a
            space equally far apart.
    """
    if (distance, correlation, quantiles) != ("euclidean", "spearman", None):
        return _rsa(
            x,
            y,
            distance=distance,
            correlation=correlation,
            quantiles=quantiles,
            preprocess=preprocess,
        )
    first, second = (RankPart(space) for space in _each(x, y, preprocess))
    return float(np.einsum("p,p->", first.ranks, second.ranks)) / len(first.ranks)


def intrinsic_dimension(
    x: ArrayLike, *, method: DimensionMethod = "twonn", k: int = 50, preprocess: str = "none"
) -> float:
    """Return the intrinsic dimension of a space.

    `twonn` (`twonn/1`, Facco et al. 2017), `mle` (`mle/1`, Levina and Bickel 2005) or `gride`
    (`gride/1`, Denti et al. 2022). Identical rows are counted once.

    Args:
        x: (n, d).
        method: Which estimator.
        k: Neighbours used by `mle` and `gride`; `twonn` uses two.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`; `none` by default,
            as row normalisation takes off one dimension.

    Raises:
        MetricInputError: Unknown method, or too few different samples.
    """
    needed = neighbours_needed(method, k)
    space = Space(as_real(x, "x"), name="x", how=preprocess).without_copies()
    _, distances = nearest_rows(space, needed)
    return dimension_from_nearest(distances, method)


def _each(x: ArrayLike, y: ArrayLike, how: str, *, minimum: int = 3) -> Iterator[Space]:
    """Yield both spaces, one in memory at a time."""
    a, b = as_real(x, "x"), as_real(y, "y")
    require_same_samples(a, b, minimum=minimum)
    yield Space(a, name="x", how=how)
    yield Space(b, name="y", how=how)


def _values(x: ArrayLike, y: ArrayLike, spec: MetricSpec, *, minimum: int = 3) -> Float64:
    """Return a metric from each to each (2, 2)."""
    spaces = list(_each(x, y, spec.preprocess, minimum=minimum))
    if spec.k is not None:
        require_neighbours(spec.k, spaces[0].n)
    return Run(spaces=spaces, wanted=[spec.name], specs={spec.name: spec}).values()[spec.name]


def _overlap(spaces: Iterable[Space], k: int, *, kernel: bool) -> float:
    sides = []
    for space in spaces:
        require_neighbours(k, space.n)
        products, _ = neighbour_lists(space, by_product=k)
        sides += [] if products is None else [products.nearest(k)]
    return float(overlap_values(sides, kernel=kernel)[0, 1])
