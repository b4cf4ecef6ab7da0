"""Spaces prepared for metrics: which pass does what, with the neighbours of all found at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.engine.definition import DefinitionPart
from pytest_matalign.engine.imbalance import PAST, ImbalancePart
from pytest_matalign.engine.overlap import EDGE, OverlapPart
from pytest_matalign.engine.products import ProductPart
from pytest_matalign.engine.ranks import RankPart
from pytest_matalign.engine.rotation import RotationPart
from pytest_matalign.engine.search import neighbour_lists
from pytest_matalign.metrics.neighbours import require_neighbours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_matalign.engine.neighbours import Lists
    from pytest_matalign.engine.part import Part
    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.spec import MetricSpec


def prepare_parts(
    space: Space, specs: Sequence[MetricSpec], *, seed: int = 0
) -> dict[MetricSpec, Part]:
    """Return a space prepared for each metric.

    Args:
        space: The embedding, preprocessed as all of `specs` say.
        specs: The metrics.
        seed: Of the permutations that give nulls their skewness; the same for all spaces.

    Raises:
        MetricInputError: k out of range, or a space some metric says nothing of.
    """
    for spec in specs:
        if spec.k is not None:
            require_neighbours(spec.k, space.n)
    if any(spec.row.engine in {"products", "imbalance"} for spec in specs):
        space.hold()
    lists = neighbour_lists(
        space,
        by_product=_widest(specs, "overlap", EDGE),
        by_distance=_widest(specs, "imbalance", PAST),
    )
    return {spec: _part(space, spec, lists, seed) for spec in specs}


def _widest(specs: Sequence[MetricSpec], engine: str, past: int) -> int | None:
    widths = [spec.k + past for spec in specs if spec.row.engine == engine and spec.k]
    return max(widths, default=None)


def _part(
    space: Space, spec: MetricSpec, lists: tuple[Lists | None, Lists | None], seed: int
) -> Part:
    by_product, by_distance = lists
    match spec.row.engine:
        case "overlap" if by_product is not None and spec.k:
            kernel = spec.name == "cknna"
            return OverlapPart(space, by_product, k=spec.k, kernel=kernel, seed=seed)
        case "imbalance" if by_distance is not None and spec.k:
            return ImbalancePart(space, by_distance, k=spec.k, seed=seed)
        case "products":
            return ProductPart(space, spec)
        case "ranks":
            return RankPart(space)
        case "rotation":
            return RotationPart(space, seed=seed)
    return DefinitionPart(space, spec, seed=seed)
