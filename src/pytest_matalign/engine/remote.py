"""Tiles of a run over all pairs, worked out by whatever process an executor has.

A tile is named by the run's recipe and a number. A worker reads the rows itself, keeps the run it
last worked for, and finds what other tiles made in the checkpoint, on a disk that all share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_matalign.engine.distances import DistanceBlock, DistancePass
    from pytest_matalign.engine.spaces import Rows
    from pytest_matalign.metrics.arrays import Float64


class Tiled(Protocol):
    """The run, as far as tiles need it: see `engine.run.Run`."""

    @property
    def distance_pass(self) -> DistancePass:
        """The pass over all distance matrices."""
        ...

    def lists_of(self, index: int) -> object:
        """Put the neighbours of a space into the checkpoint."""
        ...

    def norms_of(self, a: int) -> tuple[Float64, Float64]:
        """Return norms of cross products."""
        ...


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How any process makes the same run; sent with every tile, so it holds no arrays.

    Attributes:
        rows: Gives the embeddings by name, see `alignment_matrix`; a function of a module, or a
            `partial` of one.
        make: Gives the run over them by its settings.
        settings: What it takes.
        key: Tells runs apart.
    """

    rows: Callable[[], Mapping[str, Rows]]
    make: Callable[[Mapping[str, Rows], Any], Tiled]
    settings: object
    key: str


_held: dict[str, Tiled] = {}


def _run_of(recipe: Recipe) -> Tiled:
    if recipe.key not in _held:
        _held.clear()
        _held[recipe.key] = recipe.make(recipe.rows(), recipe.settings)
    return _held[recipe.key]


def find_neighbours(recipe: Recipe, index: int) -> None:
    """Put the neighbours of one space into the checkpoint."""
    _run_of(recipe).lists_of(index)


def distance_blocks(recipe: Recipe, edges: tuple[tuple[int, int], ...]) -> list[DistanceBlock]:
    """Return the sums over some blocks of rows of all distance matrices."""
    work = _run_of(recipe).distance_pass
    return [work.block(start, stop) for start, stop in edges]


def product_norms(recipe: Recipe, a: int) -> tuple[Float64, Float64]:
    """Return the norms of cross products of a space with it and all after it."""
    return _run_of(recipe).norms_of(a)
