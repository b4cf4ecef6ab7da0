"""Nearest neighbours of every sample of a space, ties and all: the one list every metric reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pytest_matalign.engine.spaces import as_array
from pytest_matalign.engine.tiles import block_rows, in_blocks
from pytest_matalign.metrics.neighbours import require_neighbours

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The closest samples of every sample of one space, closest first, ties by sample number.

    Attributes:
        ids: (n, K).
        values: (n, K), falling: inner product less its row mean, or minus a distance.
        tied_rows: Samples with more neighbours as close as the last listed one, one entry for
            each of these.
        tied_ids: The neighbours left over.
    """

    ids: NDArray[np.int32]
    values: NDArray[Any]
    tied_rows: NDArray[np.int32]
    tied_ids: NDArray[np.int32]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a checkpoint keeps."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_arrays(cls, stored: Mapping[str, NDArray[Any]]) -> Lists:
        """Return lists from what a checkpoint kept."""
        return cls(**{name: stored[name] for name in cls.__slots__})

    def nearest(self, k: int) -> Neighbours:
        """Return the k nearest; samples tied for the last places share them.

        Raises:
            MetricInputError: k is not between 1 and n - 1.
        """
        n = len(self.ids)
        require_neighbours(k, n)
        last = self.values[:, k - 1 : k]
        closer, tied = self.values > last, self.values == last
        beyond = np.bincount(self.tied_rows, minlength=n)
        beyond = np.where(self.values[:, -1] == last[:, 0], beyond, 0)
        share = (k - closer.sum(axis=1)) / (tied.sum(axis=1) + beyond)
        weights = np.where(closer, 1.0, np.where(tied, share[:, None], 0.0))
        rows, places = np.nonzero(weights)
        more = beyond[self.tied_rows] > 0
        left_rows, left_ids = self.tied_rows[more].astype(np.intp), self.tied_ids[more]
        rows_all = np.concatenate([rows, left_rows])
        columns = np.concatenate([self.ids[rows, places], left_ids]).astype(np.intp)
        keys = rows_all * n + columns
        order = np.argsort(keys)
        values = np.concatenate([self.values[rows, places], self.values[left_rows, -1]])
        found = np.concatenate([weights[rows, places], share[left_rows]])
        return Neighbours(
            n=n,
            k=k,
            keys=keys[order],
            rows=rows_all[order],
            columns=columns[order],
            weights=found[order],
            values=values[order].astype(np.float64),
        )

    def window(self, low: int, high: int) -> tuple[NDArray[np.intp], Float64]:
        """Return ids and values (n, high - low) of places low to high of the lists."""
        part = slice(low, high)
        return self.ids[:, part].astype(np.intp), self.values[:, part].astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Neighbour pairs of one space, by row and column: a sparse matrix of weights.

    Attributes:
        n: Samples.
        k: Sum of each row's weights.
        keys: row * n + column, ascending.
        rows: Sample each pair belongs to.
        columns: Its neighbour.
        weights: 1, or the share of places that tied neighbours have.
        values: How close, see `Lists`.
    """

    n: int
    k: int
    keys: NDArray[np.intp]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    weights: Float64
    values: Float64

    def find(self, keys: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return the place of each key among the pairs, and whether it is there."""
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return place, self.keys[place] == keys

    def sums(self, values: Float64) -> Float64:
        """Return sums (n,) over each sample's pairs."""
        return np.bincount(self.rows, weights=values, minlength=self.n).astype(np.float64)

    def column_sums(self, values: Float64) -> Float64:
        """Return sums (n,) over the pairs in which each sample is the neighbour."""
        return np.bincount(self.columns, weights=values, minlength=self.n).astype(np.float64)

    def between(self, start: int, stop: int) -> slice:
        """Return the pairs that belong to samples start to stop."""
        first, last = np.searchsorted(self.rows, [start, stop])
        return slice(int(first), int(last))


def neighbour_lists(
    space: Space, *, by_product: int | None = None, by_distance: int | None = None
) -> tuple[Lists | None, Lists | None]:
    """Return the lists by largest inner product and by least distance, together.

    Args:
        space: The embedding.
        by_product: Neighbours to list (fewer where there are fewer samples); None for no list.
        by_distance: The same by distance.
    """
    if by_product is None and by_distance is None:
        return None, None
    n = space.n
    widths = [None if k is None else min(k, n - 1) for k in (by_product, by_distance)]
    # Where rows have unit length both orders are one, in all but the last bits.
    shared = space.unit and space.dtype == torch.float32
    means = space.row_means() if widths[0] is not None else np.zeros(n)

    def work(start: int, stop: int) -> list[Lists | None]:
        line = torch.arange(stop - start, device=space.device)
        own = (line, line + start)
        closeness = None
        found: list[Lists | None] = [None, None]
        if widths[0] is not None:
            closeness = space.products(start, stop)
            closeness[own] = -torch.inf
            found[0] = _closest(closeness, widths[0], start, means[start:stop])
        if widths[1] is not None:
            if closeness is None or not shared:
                closeness = space.distances(start, stop).neg_()
                closeness[own] = -torch.inf
            found[1] = _closest(closeness, widths[1], start, None)
        return found

    rows = block_rows(n)
    blocks = [part for _, part in in_blocks(work, n, rows=rows, device=space.device)]
    by_kind = [[part[kind] for part in blocks] for kind in range(2)]
    first, second = (
        None if width is None else _joined([part for part in parts if part is not None])
        for width, parts in zip(widths, by_kind, strict=True)
    )
    return first, second


def _closest(closeness: torch.Tensor, width: int, start: int, means: Float64 | None) -> Lists:
    """Return the `width` largest of each row; `closeness` (rows, n) has -inf on the diagonal."""
    top = torch.topk(closeness, width + 1, dim=1)  # a row has n, itself the last of them
    values, ids = as_array(top.values), as_array(top.indices).astype(np.int32)
    crowded = np.flatnonzero(values[:, width - 1] == values[:, width])
    values, ids = values[:, :width].copy(), ids[:, :width].copy()
    again = np.flatnonzero((values[:, 1:] == values[:, :-1]).any(axis=1))
    for row in again:
        ids[row] = ids[row][np.lexsort((ids[row], -values[row]))]
    left_rows, left_ids = [], []
    for row in crowded:
        last = values[row, -1]
        tied = as_array(torch.nonzero(closeness[int(row)] == float(last)).ravel())
        places = values[row] == last
        count = int(places.sum())
        ids[row, places] = tied[:count]
        left_ids.append(tied[count:])
        left_rows.append(np.full(len(tied) - count, row + start))
    if means is not None:
        values = values - means[:, None].astype(values.dtype)
    return Lists(
        ids=ids,
        values=values,
        tied_rows=np.concatenate([np.empty(0, np.int32), *left_rows]).astype(np.int32),
        tied_ids=np.concatenate([np.empty(0, np.int32), *left_ids]).astype(np.int32),
    )


def _joined(parts: list[Lists]) -> Lists:
    return Lists(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in Lists.__slots__
        }
    )


def exact_distances(
    space: Space, ids: NDArray[np.int32], index: NDArray[np.intp] | None = None
) -> Float64:
    """Return distances (m, K) to neighbours (m, K), ascending, from differences in float64.

    Args:
        space: The embedding.
        ids: Neighbours of each row of interest.
        index: These rows (m,); all where None.
    """
    index = np.arange(space.n) if index is None else index
    width = ids.shape[1]
    result = np.empty(ids.shape)
    step = max(1, (1 << 20) // (width * space.width))
    for start in range(0, len(index), step):
        part = slice(start, start + step)
        own = space.gather(torch.from_numpy(index[part])).double()
        others = space.gather(torch.from_numpy(ids[part].astype(np.int64)).reshape(-1)).double()
        gaps = own[:, None, :] - others.view(len(own), width, -1)
        result[part] = as_array(gaps.square_().sum(-1).sqrt_())
    result.sort(axis=1)
    return result
