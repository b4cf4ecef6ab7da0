"""Errors and nulls of mutual kNN and CKNNA for all pairs, from neighbour lists alone.

The influences are those of `nearest.py`; what differs is that interactions are known on list
entries only. Whether j's list holds i as well is looked up within one space; the interaction of
(i, j) with (j, i) is taken at the value of (i, j), the kernel being all but symmetric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from pytest_matalign.engine.neighbours import SLACK, Lists, weights_for
from pytest_matalign.statistics.nearest import EDGE
from pytest_matalign.statistics.permutation import PairSums, permutation_covariance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_matalign.engine.spaces import Space
    from pytest_matalign.metrics.arrays import Float64

_TABLE = 1 << 19


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixMoments:
    """Values, standard errors and null moments (M, M) of one metric."""

    value: Float64
    error: Float64
    null_mean: Float64
    null_sd: Float64


@dataclass(slots=True, kw_only=True)
class _Side:
    """One space: list entries (n, K) and sums over them."""

    ids: torch.Tensor
    weights: torch.Tensor
    kernel: torch.Tensor
    masked: torch.Tensor
    returned: torch.Tensor
    """1 where the neighbour has this sample among its own."""
    own: torch.Tensor
    """Kernel of the influence on the sum of squares, on list entries."""
    own_samples: torch.Tensor
    """Influence of each sample on the sum of squares, float64 (n,)."""
    size: float
    total: float
    sums: PairSums


def overlap_moments(
    spaces: Sequence[Space], lists: Sequence[Lists], *, k: int, kernel: bool
) -> MatrixMoments:
    """Return mutual kNN, or CKNNA with `kernel`, of all pairs with errors and nulls."""
    sides = [_side(s, e, k=k, kernel=kernel) for s, e in zip(spaces, lists, strict=True)]
    work = _Work(sides, k=k)
    n = len(sides[0].ids)
    rows = max(16, _TABLE // n)
    for start in range(0, n, rows):
        work.add(start, min(start + rows, n))
        if kernel:
            work.add_shifts(spaces, start, min(start + rows, n))
    return work.finish(spaces if kernel else None)


def _side(space: Space, entry: Lists, *, k: int, kernel: bool) -> _Side:
    n = len(entry.ids)
    width = min(k + SLACK, entry.ids.shape[1])
    weights = weights_for(entry.values[:, :width], k)
    values = entry.values[:, :width] if kernel else torch.ones((n, width))
    masked = weights * values
    index = entry.ids[:, :width].long()
    slot = _slot_of_return(index, weights)
    back = torch.where(slot >= 0, masked[index, slot.clamp(min=0)], 0.0)
    low, high = max(0, k - EDGE), min(k + EDGE, values.shape[1])
    at_edge = values[:, low:high].square().mean(dim=1, keepdim=True)
    own = masked.square() - at_edge * weights
    samples = masked.square().sum(dim=1).double()
    samples.index_add_(0, index.ravel(), own.double().ravel())
    if kernel:
        totals = (weights * masked).sum(dim=1).to(space.device)
        samples -= 2.0 / n * _through_kernel(space, totals[:, None])[:, 0].cpu()
    rows = masked.double().sum(dim=1)
    columns = torch.zeros(n, dtype=torch.float64)
    columns.index_add_(0, index.ravel(), masked.double().ravel())
    total = float(rows.sum())
    return _Side(
        ids=index,
        weights=weights,
        kernel=values,
        masked=masked,
        returned=(slot >= 0).float(),
        own=own,
        own_samples=samples - samples.mean(),
        size=float(masked.double().square().sum()),
        total=total,
        sums=_pair_sums(
            rows,
            columns,
            float(masked.double().square().sum()),
            float((masked * back).double().sum()),
            n,
        ),
    )


def _pair_sums(
    rows: torch.Tensor, columns: torch.Tensor, same: float, turned: float, n: int
) -> PairSums:
    mean = float(rows.sum()) / (n * (n - 1))
    shift = n * (n - 1) * mean * mean
    r, c = rows - (n - 1) * mean, columns - (n - 1) * mean
    return PairSums(
        same=same - shift,
        turned=turned - shift,
        rows=float((r * r).sum()),
        columns=float((c * c).sum()),
        row_column=float((r * c).sum()),
        column_row=float((r * c).sum()),
    )


def _slot_of_return(index: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return, for entry (i, s) with neighbour j, where j's list has i with weight; else -1."""
    n, width = index.shape
    slots = torch.full((n, width), -1, dtype=torch.int64)
    listed = torch.where(weights > 0, index, -1)
    for start in range(0, n, 2048):
        block = index[start : start + 2048]
        owner = torch.arange(start, start + len(block))[:, None, None]
        found = listed[block] == owner
        slot = found.int().argmax(dim=2)
        slots[start : start + len(block)] = torch.where(found.any(dim=2), slot, -1)
    return torch.where(weights > 0, slots, -1)


def _through_kernel(space: Space, columns: torch.Tensor) -> torch.Tensor:
    """Return the transposed row-centred kernel times columns (n, c), as (n, c) float64."""
    total = torch.zeros((space.width, columns.shape[1]), dtype=torch.float64, device=space.device)
    for start, block in space.blocks(8192):
        total += (block.T @ columns[start : start + len(block)]).double()
    return _from_totals(space, total, columns.double().sum(dim=0))


def _from_totals(space: Space, total: torch.Tensor, sums: torch.Tensor) -> torch.Tensor:
    parts = [(block @ total.float()).double() for _, block in space.blocks(8192)]
    return torch.cat(parts) + space.bias.double()[:, None] * sums[None, :]


class _Work:
    """Adds up influences of all pairs, block of rows by block of rows."""

    def __init__(self, sides: Sequence[_Side], *, k: int) -> None:
        count, n = len(sides), len(sides[0].ids)
        self.sides, self.k, self.count, self.n = sides, k, count, n
        self.samples = torch.zeros((count, count, n))
        # Sums over entries of products of: numerator (N), x's and y's sums of squares (X, Y).
        names = ("value", "NN", "NX", "NY", "XY", "rNN", "rNX", "rNY", "rXY")
        self.sums = {name: torch.zeros((count, count), dtype=torch.float64) for name in names}
        # [a, b, i]: common neighbours of i weighted by b's kernel, for the moving row means.
        self.common = torch.zeros((0, 0, 0))
        self.totals: dict[int, torch.Tensor] = {}
        self.common_sums = torch.zeros((count, count), dtype=torch.float64)

    def add(self, start: int, stop: int) -> None:
        """Add the anchors start to stop of every pair."""
        rows, width, count = stop - start, self.sides[0].ids.shape[1], self.count
        sides = self.sides
        ids = torch.stack([s.ids[start:stop] for s in sides])
        weights = torch.stack([s.weights[start:stop] for s in sides])
        kernel = torch.stack([s.kernel[start:stop] for s in sides])
        masked = torch.stack([s.masked[start:stop] for s in sides])
        own = torch.stack([s.own[start:stop] for s in sides])
        returned = torch.stack([s.returned[start:stop] for s in sides])
        line = torch.arange(rows)
        flat = ids + (line * self.n)[None, :, None]
        table = torch.zeros(rows * self.n, dtype=torch.int32)
        places = torch.arange(1, width + 1, dtype=torch.int32).repeat(rows)
        found = torch.empty((count, *ids.shape), dtype=torch.int32)
        edge = torch.empty((count, count, rows))
        self.common = torch.empty((count, count, rows))
        low, high = max(0, self.k - EDGE), min(self.k + EDGE, width)
        for b in range(count):
            table[flat[b].ravel()] = places
            found[b] = table[flat]
            table[flat[b].ravel()] = 0
            other = _look_up(masked[b], found[b])
            edge[:, b] = (kernel * other)[:, :, low:high].mean(dim=2)
            self.common[:, b] = (weights * other).sum(dim=2)
        for b in range(count):
            a = slice(0, b + 1)
            slot = found[b, a]
            mine, theirs = weights[a], _look_up(weights[b], slot) * (weights[a] > 0)
            product = masked[a] * _look_up(masked[b], slot)
            at_a, at_b = edge[a, b], edge[b, a]
            self.samples[a, b, start:stop] += product.sum(dim=2)
            on_a = product - at_a[:, :, None] * mine
            self.samples[a, b].scatter_add_(1, ids[a].reshape(b + 1, -1), on_a.reshape(b + 1, -1))
            on_b = -at_b[:, :, None] * weights[b]
            self.samples[a, b].index_add_(1, ids[b].ravel(), on_b.reshape(b + 1, -1))
            # Numerator kernel on a's entries; on b's others it is on_b.
            both = on_a - at_b[:, :, None] * theirs
            own_b = _look_up(own[b], slot) * (theirs > 0)
            only = weights[b].square().sum(dim=1) - theirs.square().sum(dim=2)
            spare = (weights[b] * own[b]).sum(dim=1) - (theirs * own_b).sum(dim=2)
            twice = returned[a] * _look_up(returned[b], slot) * (theirs > 0)
            entries = {
                "value": product,
                "NN": both.square(),
                "NX": both * own[a],
                "NY": both * own_b,
                "XY": own[a] * own_b,
            }
            for name, values in entries.items():
                self.sums[name][a, b] += values.sum(dim=2).double().sum(dim=1)
                if name != "value":
                    self.sums["r" + name][a, b] += (twice * values).sum(dim=2).double().sum(dim=1)
            self.sums["NN"][a, b] += (at_b.square() * only).double().sum(dim=1)
            self.sums["NY"][a, b] -= (at_b * spare).double().sum(dim=1)

    def add_shifts(self, spaces: Sequence[Space], start: int, stop: int) -> None:
        """Add what moving row means of the kernels owe to these anchors."""
        for a, space in enumerate(spaces):
            part = space.rows(start, stop).T.cpu() @ self.common[a].T
            self.totals[a] = self.totals.get(a, 0.0) + part.double()
        self.common_sums += self.common.sum(dim=2).double()

    def finish(self, spaces: Sequence[Space] | None) -> MatrixMoments:
        """Return the moments from what was added."""
        count, n, sides = self.count, self.n, self.sides
        size = torch.tensor([s.size for s in sides], dtype=torch.float64)
        scale = torch.sqrt(size[:, None] * size[None, :])
        value = self.sums["value"] / scale
        error = torch.zeros((count, count), dtype=torch.float64)
        shifts = [self._shift(spaces[a], a) for a in range(count)] if spaces else None
        for a in range(count):
            for b in range(a, count):
                samples = self.samples[a, b].double()
                if shifts is not None:
                    samples = samples - shifts[a][:, b] - shifts[b][:, a]
                samples = samples / scale[a, b] - value[a, b] / 2 * (
                    sides[a].own_samples / size[a] + sides[b].own_samples / size[b]
                )
                first = float((samples - samples.mean()).square().sum()) * n / (n - 1)
                twice = self._interactions(a, b, float(value[a, b]), size, float(scale[a, b]))
                error[a, b] = max(first - twice, 0.4 * first) ** 0.5
        variance = np.array(
            [[permutation_covariance(x.sums, y.sums, n) for y in sides] for x in sides]
        )
        totals = np.array([s.total for s in sides])
        bottom = scale.numpy()
        return MatrixMoments(
            value=_mirrored(value),
            error=_mirrored(error),
            null_mean=np.outer(totals, totals) / (n * (n - 1)) / bottom,
            null_sd=np.sqrt(np.maximum(variance, 0.0)) / bottom,
        )

    def _shift(self, space: Space, a: int) -> torch.Tensor:
        total = self.totals[a].to(space.device)
        return _from_totals(space, total, self.common_sums[a].to(space.device)).cpu() / self.n

    def _interactions(
        self, a: int, b: int, value: float, size: torch.Tensor, scale: float
    ) -> float:
        """Return the sum over unordered pairs of samples of their squared interaction."""
        x, y = self.sides[a], self.sides[b]
        total = 0.0
        for prefix, own_x, own_y in (
            ("", x.own.square(), y.own.square()),
            ("r", x.returned * x.own.square(), y.returned * y.own.square()),
        ):
            s = {name: float(self.sums[prefix + name][a, b]) for name in ("NN", "NX", "NY", "XY")}
            dx, dy = float(size[a]), float(size[b])
            total += s["NN"] / scale**2
            total += (
                value**2
                / 4
                * (float(own_x.double().sum()) / dx**2 + float(own_y.double().sum()) / dy**2)
            )
            total -= value / scale * (s["NX"] / dx + s["NY"] / dy)
            total += value**2 / 2 * s["XY"] / (dx * dy)
        return total


def _look_up(values: torch.Tensor, slot: torch.Tensor) -> torch.Tensor:
    """Return values (rows, K) at slots (A, rows, K), counted from 1; 0 where the slot is 0."""
    rows, width = values.shape
    padded = torch.zeros((rows, width + 1))
    padded[:, 1:] = values
    offsets = torch.arange(rows)[None, :, None] * (width + 1)
    return padded.ravel()[slot.long() + offsets]


def _mirrored(upper: torch.Tensor) -> Float64:
    full = torch.triu(upper) + torch.triu(upper, 1).T
    return np.asarray(full.numpy())
