"""The search for nearest neighbours: by float32 where that settles it, exact in float64 always.

Products in float32 take half the time of those in float64, and their rounding has a bound. The
closest few of a sample are certain where the next one is farther off by more than that bound;
float64 then puts them in order. What float32 leaves open, ties above all, is searched in float64.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from pytest_matalign.engine.neighbours import Lists
from pytest_matalign.engine.spaces import as_array
from pytest_matalign.engine.tiles import block_rows, in_blocks
from pytest_matalign.metrics.arrays import single_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64

# Samples of a block that float32 may leave open before the whole block is searched in float64.
_FEW_OPEN = 8
# Bytes of a block of float32 products, and float64 values gathered at once: a core's own cache.
_TILE = 1 << 21
_GATHER = 1 << 17


def neighbour_lists(
    space: Space, *, by_product: int | None = None, by_distance: int | None = None
) -> tuple[Lists | None, Lists | None]:
    """Return the lists by largest inner product and by least distance, together.

    Args:
        space: The embedding.
        by_product: Neighbours to list (fewer where there are fewer samples); None for no list.
        by_distance: The same by distance.
    """
    n = space.n
    widths = {
        distance: min(k, n - 1)
        for distance, k in ((False, by_product), (True, by_distance))
        if k is not None
    }
    quick = {distance: _Quick.of(space, k, distance=distance) for distance, k in widths.items()}

    def work(start: int, stop: int) -> dict[bool, Lists]:
        found: dict[bool, Lists] = {}
        closeness = None
        for distance, width in widths.items():
            search = quick[distance]
            lists = search.lists(start, stop) if search is not None else None
            if lists is None:
                # In float32 both orders are one where rows have unit length.
                if closeness is None or not space.unit or space.dtype == torch.float64:
                    closeness = _closeness(space, start, stop, distance=distance)
                lists = _closest(closeness, width, start)
            found[distance] = lists
        return found

    memory = {"memory": 2 * _TILE} if any(quick.values()) else {}
    rows = block_rows(n, **memory)
    blocks = [part for _, part in in_blocks(work, n, rows=rows, device=space.device)]
    products, distances = (
        _joined([block[kind] for block in blocks]) if kind in widths else None
        for kind in (False, True)
    )
    if products is not None:
        means = space.row_means()[:, None].astype(products.values.dtype)
        products = replace(products, values=products.values - means)
    return products, distances


def _closeness(space: Space, start: int, stop: int, *, distance: bool) -> torch.Tensor:
    """Return how close (rows, n) all samples are to some; -inf for a sample to itself."""
    values = space.distances(start, stop).neg_() if distance else space.products(start, stop)
    line = torch.arange(stop - start, device=space.device)
    values[line, line + start] = -torch.inf
    return values


def _closest(closeness: torch.Tensor, width: int, start: int) -> Lists:
    """Return the `width` largest of each row; `closeness` (rows, n) has -inf on the diagonal."""
    top, places = _top(closeness, width + 1)  # a row has n, itself the last of them
    values, ids = as_array(top), as_array(places).astype(np.int32)
    crowded = np.flatnonzero(values[:, width - 1] == values[:, width])
    values, ids = values[:, :width].copy(), ids[:, :width].copy()
    again = np.flatnonzero((values[:, 1:] == values[:, :-1]).any(axis=1))
    for row in again:
        ids[row] = ids[row][np.lexsort((ids[row], -values[row]))]
    left_rows, left_ids = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for row in crowded:
        last = values[row, -1]
        tied = as_array(torch.nonzero(closeness[int(row)] == float(last)).ravel())
        inside = values[row] == last
        count = int(inside.sum())
        ids[row, inside] = tied[:count]
        left_ids.append(tied[count:])
        left_rows.append(np.full(len(tied) - count, row + start))
    return Lists(
        ids=ids,
        values=values,
        tied_rows=np.concatenate(left_rows).astype(np.int32),
        tied_ids=np.concatenate(left_ids).astype(np.int32),
    )


def _top(values: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the largest `count` of each row (rows, n), falling, and their columns."""
    n = values.shape[1]
    size = int((n / count) ** 0.5)
    if size < 8 or values.device.type != "cpu":
        found = torch.topk(values, count, dim=1)
        return found.values, found.indices
    # They lie in the `count` strided groups of columns whose largest are largest.
    groups = n // size
    body = values[:, : size * groups].reshape(-1, size, groups)
    chosen = torch.topk(body.amax(1), count, dim=1, sorted=False).indices
    columns = (chosen[:, None, :] + groups * torch.arange(size)[:, None]).flatten(1)
    rest = torch.arange(size * groups, n).expand(len(values), -1)
    columns = torch.cat([columns, rest], dim=1)
    found = torch.topk(values.gather(1, columns), count, dim=1)
    return found.values, columns.gather(1, found.indices)


class _Quick:
    """The search of one space by float32."""

    def __init__(self, space: Space, rows: Float64, width: int, *, distance: bool) -> None:
        self.space, self.width, self.distance = space, width, distance
        self.exact = rows
        self.squares: Float64 = as_array(space.squares)
        # |x - y|^2 = |x|^2 - 2 (x.y - |y|^2 / 2): the largest bracket is the least distance.
        self.bias = -0.5 * self.squares if distance else as_array(space.bias)
        lengths = np.sqrt(self.squares)
        # By a power of two to lengths below 2, so that nothing overflows.
        scale = 0.5 ** np.floor(np.log2(lengths.max()))
        self.rows = torch.empty(rows.shape, dtype=torch.float32)
        np.multiply(rows, scale, out=self.rows.numpy(), casting="same_kind")
        self.near_bias = torch.from_numpy(self.bias * scale**2).float()
        # The bound of a sum of d rounded products and a bias, in any order (Higham 2002, 3.1),
        # for two sums; and what float32 loses below its least normal number.
        size = (space.width + 4) * (lengths * lengths.max() + np.abs(self.bias).max())
        self.open_by_float32 = 2.0**-23 * size * scale**2 + space.width * 2.0**-125
        self.open_by_float64 = 2.0**-52 * size

    @classmethod
    def of(cls, space: Space, width: int, *, distance: bool) -> _Quick | None:
        """Return the search of a space, or None where it would not pay."""
        rows = space.plain
        if rows is None or 4 * (width + 2) > space.n:
            return None
        search = cls(space, rows, width, distance=distance)
        with single_thread():
            _, _, left = search.block(0, min(2 * _FEW_OPEN, space.n))
        return None if len(left) > _FEW_OPEN else search

    def lists(self, start: int, stop: int) -> Lists | None:
        """Return the lists of some samples; None where float32 leaves many of them open."""
        ids, values, left = self.block(start, stop)
        if len(left) > _FEW_OPEN:
            return None
        tied = []
        for row in left:
            closeness = _closeness(self.space, row + start, row + start + 1, distance=self.distance)
            found = _closest(closeness, self.width, row + start)
            ids[row], values[row] = found.ids[0], found.values[0]
            tied.append(found)
        return Lists(
            ids=ids,
            values=values,
            tied_rows=np.concatenate([np.empty(0, np.int32), *(part.tied_rows for part in tied)]),
            tied_ids=np.concatenate([np.empty(0, np.int32), *(part.tied_ids for part in tied)]),
        )

    def block(self, start: int, stop: int) -> tuple[NDArray[np.int32], Float64, NDArray[np.intp]]:
        """Return ids and values (rows, width) of some samples, and which of these are open."""
        width = self.width
        closeness = torch.addmm(self.near_bias, self.rows[start:stop], self.rows.T)
        line = torch.arange(stop - start)
        closeness[line, line + start] = -torch.inf
        top, places = (as_array(found) for found in _top(closeness, width + 2))
        settled = top[:, width - 1] - top[:, width + 1] > self.open_by_float32[start:stop]
        places = places[:, : width + 1]
        exact = np.empty(places.shape)
        step = max(1, _GATHER // (places.shape[1] * self.exact.shape[1]))
        for first in range(0, len(places), step):
            part = slice(first, first + step)
            own = self.exact[start:stop][part]
            np.einsum("ijk,ik->ij", self.exact[places[part]], own, out=exact[part])
        exact += self.bias[places]
        order = np.argsort(-exact, axis=1)
        exact = np.take_along_axis(exact, order, axis=1)
        gaps = (exact[:, :-1] - exact[:, 1:]).min(axis=1)
        settled &= gaps > self.open_by_float64[start:stop]
        exact = exact[:, :width]
        if self.distance:
            exact = -np.sqrt(np.maximum(self.squares[start:stop, None] - 2.0 * exact, 0.0))
        ids = np.take_along_axis(places, order[:, :width], axis=1).astype(np.int32)
        return ids, exact, np.flatnonzero(~settled)


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

    def work(start: int, stop: int) -> Float64:
        wanted = np.concatenate([index[start:stop, None], ids[start:stop]], axis=1)
        rows = space.gather(torch.from_numpy(wanted.ravel())).double()
        found = as_array(rows).reshape(*wanted.shape, space.width)
        gaps = found[:, 1:] - found[:, :1]
        squares: Float64 = np.einsum("ijk,ijk->ij", gaps, gaps)
        return squares

    rows = max(1, _GATHER // (ids.shape[1] * space.width))
    parts = in_blocks(work, len(index), rows=rows, device=space.device)
    result: Float64 = np.concatenate([np.empty((0, ids.shape[1])), *(part for _, part in parts)])
    result.sort(axis=1)
    return np.sqrt(result, out=result)
