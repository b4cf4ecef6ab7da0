"""What every pass offers: one space prepared for one metric, to be compared with others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_matalign.engine.influence import Influence
    from pytest_matalign.engine.null import NullResult
    from pytest_matalign.metrics.arrays import Float64


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A metric of two spaces and how it depends on the samples.

    Attributes:
        value: The metric; the mean of both directions where it has them.
        influence: Of the value.
        directions: x to y and y to x.
        by_direction: Influence of the samples on each, (n,).
    """

    value: float
    influence: Influence
    directions: tuple[float, float] | None = None
    by_direction: tuple[Float64, Float64] | None = None


class Part(ABC):
    """One space prepared for one metric."""

    @abstractmethod
    def compare(self, other: Self) -> Comparison:
        """Return the value and influences of the metric between this space and another."""

    @abstractmethod
    def null(self, other: Self, value: float) -> NullResult:
        """Return the permutation null and the tail beyond `value`."""

    @classmethod
    def compare_all(
        cls, parts: Sequence[Self], pairs: Sequence[tuple[int, int]]
    ) -> Iterator[Comparison]:
        """Yield comparisons of some pairs of spaces, given by their numbers."""
        for a, b in pairs:
            yield parts[a].compare(parts[b])
