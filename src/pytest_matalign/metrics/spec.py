"""Which metric, with which settings: the identity two alignments must share to be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.preprocessing import PREPROCESSES

Direction = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    estimator: str
    k: int | None = None
    direction: Direction = "higher"


_OFFERS = {
    "cknna": _Offer(estimator="cknna-paper/1", k=25),
    "mutual_knn": _Offer(estimator="mutual-knn/1", k=10),
    "distance_correlation": _Offer(estimator="distance-correlation-unbiased/1"),
    "distance_correlation_biased": _Offer(estimator="distance-correlation/1"),
    "information_imbalance": _Offer(estimator="information-imbalance/1", k=1, direction="lower"),
    "linear_cka": _Offer(estimator="linear-cka-unbiased/1"),
    "rsa": _Offer(estimator="rsa-euclidean-spearman/1"),
    "procrustes": _Offer(estimator="procrustes-cosine/1"),
}
METRICS: tuple[str, ...] = tuple(_OFFERS)
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
    def estimator(self) -> str:
        """Name and version of the formula, e.g. `cknna-paper/1`."""
        return _OFFERS[self.name].estimator

    @property
    def direction(self) -> Direction:
        """Whether higher or lower values mean more aligned."""
        return _OFFERS[self.name].direction


def metric_spec(name: str, *, k: int | None = None, preprocess: str = "center-l2") -> MetricSpec:
    """Return a checked metric specification.

    `distance_correlation` is the bias-corrected statistic on the squared scale,
    `distance_correlation_biased` the root of the V-statistic, `linear_cka` the unbiased form,
    `information_imbalance` the mean of both directions, `rsa` Spearman's on Euclidean distances.

    Args:
        name: One of `METRICS`.
        k: Neighbours; by default 25 for `cknna`, 10 for `mutual_knn`, 1 for
            `information_imbalance`.
        preprocess: One of `pytest_matalign.metrics.PREPROCESSES`.

    Raises:
        MetricInputError: Unknown name or preprocess, or k where the metric has none.
    """
    offer = _OFFERS.get(name)
    if offer is None:
        raise MetricInputError(f"unknown metric {name!r}; choose one of {', '.join(METRICS)}.")
    if preprocess not in PREPROCESSES:
        raise MetricInputError(
            f"unknown preprocess {preprocess!r} for metric {name}; choose one of "
            f"{', '.join(PREPROCESSES)}."
        )
    if offer.k is None and k is not None:
        raise MetricInputError(f"metric {name} has no neighbours; leave out k.")
    if k is not None and k < 1:
        raise MetricInputError(f"k is {k} for metric {name}; it must be at least 1.")
    return MetricSpec(name=name, k=offer.k if k is None else k, preprocess=preprocess)
