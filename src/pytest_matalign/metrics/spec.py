"""The table of estimators: all that is said of a metric anywhere is said here, once.

A metric is one file with its definition and one row of this table; pair functions, runs over all
pairs, intervals, nulls, suites, study and report take it from here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.cka import linear_cka
from pytest_matalign.metrics.cknna import cknna
from pytest_matalign.metrics.distance_correlation import distance_correlation
from pytest_matalign.metrics.information_imbalance import information_imbalance
from pytest_matalign.metrics.neighbours import mutual_knn
from pytest_matalign.metrics.preprocessing import PREPROCESSES
from pytest_matalign.metrics.procrustes import procrustes
from pytest_matalign.metrics.reconstruction import local_reconstruction_error, reconstruction_error
from pytest_matalign.metrics.rsa import rsa

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_matalign.metrics.arrays import ArrayLike

Direction = Literal["higher", "lower"]
Pass = Literal["overlap", "imbalance", "products", "ranks", "rotation", "definition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """One row of the table.

    Attributes:
        name: What suites, options and records call it.
        estimator: Name and version of the formula, e.g. `cknna-paper/1`.
        definition: The metric in float64, of two arrays; the oracle of everything faster.
        settings: What the definition is given beside k and preprocess.
        engine: The pass that computes it. `definition` calls the definition for every pair, with
            intervals and nulls by resampling: slow, and right for any metric.
        k: Neighbours where nothing else is said; None for metrics without.
        direction: Whether higher or lower values mean more aligned.
        directed: Whether x to y and y to x differ; the value is then their mean.
        best: Value of a space with itself, of n and k.
    """

    name: str
    estimator: str
    definition: Callable[..., float | tuple[float, float]]
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    engine: Pass = "definition"
    k: int | None = None
    direction: Direction = "higher"
    directed: bool = False
    best: Callable[[int, int | None], float] = lambda _n, _k: 1.0


_ROWS = (
    Estimator(name="cknna", estimator="cknna-paper/1", definition=cknna, engine="overlap", k=25),
    Estimator(
        name="mutual_knn", estimator="mutual-knn/1", definition=mutual_knn, engine="overlap", k=10
    ),
    Estimator(
        name="distance_correlation",
        estimator="distance-correlation-unbiased/1",
        definition=distance_correlation,
        settings={"bias_corrected": True},
        engine="products",
    ),
    Estimator(
        name="distance_correlation_biased",
        estimator="distance-correlation/1",
        definition=distance_correlation,
        engine="products",
    ),
    Estimator(
        name="information_imbalance",
        estimator="information-imbalance/1",
        definition=information_imbalance,
        engine="imbalance",
        k=1,
        direction="lower",
        directed=True,
        best=lambda n, k: ((k or 1) + 1) / n,
    ),
    Estimator(
        name="linear_cka",
        estimator="linear-cka-unbiased/1",
        definition=linear_cka,
        settings={"unbiased": True},
        engine="products",
    ),
    Estimator(name="rsa", estimator="rsa-euclidean-spearman/1", definition=rsa, engine="ranks"),
    Estimator(
        name="procrustes", estimator="procrustes-cosine/1", definition=procrustes, engine="rotation"
    ),
    Estimator(
        name="linear_cka_biased", estimator="linear-cka/1", definition=linear_cka, engine="products"
    ),
    Estimator(
        name="reconstruction_error",
        estimator="reconstruction-global/1",
        definition=reconstruction_error,
        direction="lower",
        directed=True,
        best=lambda _n, _k: 0.0,
    ),
    Estimator(
        name="local_reconstruction_error",
        estimator="reconstruction-local/1",
        definition=local_reconstruction_error,
        k=25,
        direction="lower",
        directed=True,
        best=lambda _n, _k: 0.0,
    ),
)
TABLE: Mapping[str, Estimator] = MappingProxyType({row.name: row for row in _ROWS})
METRICS: tuple[str, ...] = tuple(TABLE)
"""Names `metric_spec` accepts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """One metric with its settings; make it with `metric_spec`.

    Attributes:
        name: One of `METRICS`.
        k: Neighbours, for the metrics that have them.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.
    """

    name: str
    k: int | None
    preprocess: str

    @property
    def row(self) -> Estimator:
        """What the table says of the metric."""
        return TABLE[self.name]

    @property
    def estimator(self) -> str:
        """Name and version of the formula, e.g. `cknna-paper/1`."""
        return self.row.estimator

    @property
    def direction(self) -> Direction:
        """Whether higher or lower values mean more aligned."""
        return self.row.direction

    def define(self, x: ArrayLike, y: ArrayLike) -> tuple[float, tuple[float, float] | None]:
        """Return the value by definition, and both directions where they differ.

        Raises:
            MetricInputError: Arrays (n, d1), (n, d2) that cannot be compared.
        """
        settings = dict(self.row.settings, preprocess=self.preprocess)
        if self.k is not None:
            settings["k"] = self.k
        found = self.row.definition(x, y, **settings)
        if isinstance(found, tuple):
            return (found[0] + found[1]) / 2, found
        return found, None


def metric_spec(name: str, *, k: int | None = None, preprocess: str = "center-l2") -> MetricSpec:
    """Return a checked metric specification.

    `distance_correlation` is the bias-corrected statistic on the squared scale,
    `distance_correlation_biased` the root of the V-statistic, `linear_cka` the unbiased form,
    `information_imbalance` the mean of both directions, `rsa` Spearman's on Euclidean distances.

    Args:
        name: One of `METRICS`.
        k: Neighbours; that of the table where None (25 for `cknna`, 10 for `mutual_knn`, 1 for
            `information_imbalance`).
        preprocess: One of `pytest_matalign.metrics.PREPROCESSES`.

    Raises:
        MetricInputError: Unknown name or preprocess, or k where the metric has none.
    """
    row = TABLE.get(name)
    if row is None:
        raise MetricInputError(f"unknown metric {name!r}; choose one of {', '.join(METRICS)}.")
    if preprocess not in PREPROCESSES:
        raise MetricInputError(
            f"unknown preprocess {preprocess!r} for metric {name}; choose one of "
            f"{', '.join(PREPROCESSES)}."
        )
    if row.k is None and k is not None:
        raise MetricInputError(f"metric {name} has no neighbours; leave out k.")
    if k is not None and k < 1:
        raise MetricInputError(f"k is {k} for metric {name}; it must be at least 1.")
    return MetricSpec(name=name, k=row.k if k is None else k, preprocess=preprocess)
