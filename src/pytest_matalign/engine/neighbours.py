"""First pass of the all-pairs engine: neighbour lists of every space and what they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pytest_matalign.metrics.dimension import twonn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pytest_matalign.engine.spaces import Space

# Entries kept beyond the largest k, so that samples tied for its last place can share it.
SLACK = 7
# Share of rows with ties beyond which ties are taken to be everywhere.
_MANY_TIES = 0.01
# Entries of the look-up table of one block of rows: 1 MiB, so that it stays in the cache.
_TABLE = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """Nearest neighbours of every sample of one space.

    Attributes:
        ids: int32 (n, K), closest first by inner product.
        values: float32 (n, K), the inner product minus its row mean.
        nearest: int32 (n, c), closest first by distance (the same where rows have unit length).
        closeness: float32 (n, c), falls with the distance to `nearest`.
        tied: bool (n,), the samples whose ranks are counted with ties in mind, see `_tied_rows`.
        dimension: TwoNN of the space.
    """

    ids: torch.Tensor
    values: torch.Tensor
    nearest: torch.Tensor
    closeness: torch.Tensor
    tied: NDArray[np.bool_]
    dimension: float

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a checkpoint keeps."""
        return {
            "ids": self.ids.numpy(),
            "values": self.values.numpy(),
            "nearest": self.nearest.numpy(),
            "closeness": self.closeness.numpy(),
            "tied": self.tied,
            "dimension": np.asarray(self.dimension),
        }

    @classmethod
    def from_arrays(cls, stored: Mapping[str, NDArray[Any]]) -> Lists:
        """Return lists from what a checkpoint kept."""
        return cls(
            ids=torch.from_numpy(stored["ids"]),
            values=torch.from_numpy(stored["values"]),
            nearest=torch.from_numpy(stored["nearest"]),
            closeness=torch.from_numpy(stored["closeness"]),
            tied=stored["tied"],
            dimension=float(stored["dimension"].item()),
        )


def neighbour_lists(space: Space, *, k: int, nearest_k: int = 2, rows: int) -> Lists:
    """Return neighbour lists, computing rows of the kernel matrix in blocks.

    Args:
        space: The embedding.
        k: Largest k of the metrics whose neighbours are by inner product.
        nearest_k: Largest k of those whose neighbours are by distance, at least 2, at most k.
        rows: Rows in a block; memory is 4 bytes times rows times n.
    """
    n = space.n
    width = min(max(k, nearest_k) + SLACK, n - 1)
    ids = torch.empty((n, width), dtype=torch.int32)
    values = torch.empty((n, width))
    few = min(nearest_k + SLACK, n - 1)
    nearest = torch.empty((n, few), dtype=torch.int32)
    closeness = torch.empty((n, few))
    for start, block in space.blocks(rows):
        stop = start + len(block)
        kernel = kernel_rows(space, block)
        own = (torch.arange(stop - start), torch.arange(start, stop))
        kernel[own] = -torch.inf
        top = torch.topk(kernel, width, dim=1)
        ids[start:stop] = top.indices.int().cpu()
        values[start:stop] = top.values.cpu()
        if not space.unit:
            # |x_i - x_j|^2 = squares_i + squares_j - 2 (kernel_ij - bias_j)
            kernel.sub_(space.bias).mul_(2.0).sub_(space.squares)
            kernel[own] = -torch.inf
            top = torch.topk(kernel, few, dim=1)
        nearest[start:stop] = top.indices[:, :few].int().cpu()
        closeness[start:stop] = top.values[:, :few].cpu()
    return Lists(
        ids=ids,
        values=values,
        nearest=nearest,
        closeness=closeness,
        tied=_tied_rows(values),
        dimension=_dimension(space, nearest),
    )


def _tied_rows(values: torch.Tensor) -> NDArray[np.bool_]:
    """Return bool (n,): rows with equal values (n, K) in their lists, or all rows if many have.

    Rounding to float32 makes a few values of a thousand rows equal by chance; samples that are
    copies of each other, or features of few values, show in the lists of more than that.
    """
    tied = (values[:, 1:] == values[:, :-1]).any(dim=1).numpy()
    return np.full(len(tied), fill_value=True) if tied.mean() > _MANY_TIES else np.asarray(tied)


def kernel_rows(space: Space, block: torch.Tensor) -> torch.Tensor:
    """Return the row-centred kernel (rows, n) of a block of rows (rows, d) with all samples."""
    kernel = torch.empty((len(block), space.n), device=block.device)
    for start, other in space.column_blocks():
        stop = start + len(other)
        torch.addmm(space.bias[start:stop], block, other.T, out=kernel[:, start:stop])
    return kernel


def _dimension(space: Space, nearest: torch.Tensor) -> float:
    """Return TwoNN from the distances of the two nearest neighbours, recomputed in float64."""
    # Float32 may have exchanged the second and third neighbour: look at three.
    distances = _exact_distances(space, torch.arange(space.n), nearest[:, :3])
    if distances[:, 0].all():
        return twonn(distances)
    distinct = _distinct_rows(space)
    if len(distinct) < 5:
        return float("nan")
    return twonn(_exact_distances(space, distinct, _nearest_among(space, distinct)))


def _exact_distances(
    space: Space, index: torch.Tensor, nearest: torch.Tensor
) -> NDArray[np.float64]:
    """Return ascending float64 distances (m, c) from rows (m,) to their neighbours (m, c)."""
    width = nearest.shape[1]
    distances = np.empty((len(index), width))
    for start in range(0, len(index), 1024):
        block = space.gather(index[start : start + 1024]).double()
        others = space.gather(nearest[start : start + 1024].reshape(-1)).double()
        gaps = block[:, None, :] - others.view(len(block), width, -1)
        distances[start : start + len(block)] = gaps.square().sum(-1).sqrt().cpu().numpy()
    distances.sort(axis=1)
    return distances


def _distinct_rows(space: Space) -> torch.Tensor:
    """Return the index of the first of every set of identical rows."""
    seen: dict[bytes, int] = {}
    for start, block in space.blocks(4096):
        for offset, row in enumerate(block.cpu().numpy() + 0.0):  # -0.0 is 0.0
            seen.setdefault(row.tobytes(), start + offset)
    return torch.tensor(list(seen.values()))


def _nearest_among(space: Space, index: torch.Tensor) -> torch.Tensor:
    """Return int64 (m, 3): of some rows, the three nearest among themselves."""
    rows = space.gather(index)
    squares = rows.square().sum(dim=1)
    nearest = torch.empty((len(index), 3), dtype=torch.int64)
    for start in range(0, len(index), 1024):
        block = rows[start : start + 1024]
        closeness = torch.addmm(squares, block, rows.T, beta=-1.0, alpha=2.0)
        offsets = torch.arange(len(block))
        closeness[offsets, start + offsets] = -torch.inf
        nearest[start : start + len(block)] = torch.topk(closeness, 3, dim=1).indices.cpu()
    return index[nearest]


def weights_for(values: torch.Tensor, k: int) -> torch.Tensor:
    """Return float32 neighbour weights (n, K) for the k closest, ties sharing the last places."""
    last = values[:, k - 1 : k]
    weights = (values > last).float()
    tied = (values == last).float()
    share = (k - weights.sum(dim=1, keepdim=True)) / tied.sum(dim=1, keepdim=True)
    return weights + tied * share


def overlap_scores(lists: Sequence[Lists], *, k: int, kernel: bool) -> NDArray[np.float64]:
    """Return mutual kNN (M, M), or CKNNA with `kernel`, of all pairs from their lists.

    A dense table of one block of rows holds where in its list a space has each sample; all
    other spaces' lists look themselves up in it.
    """
    count, n = len(lists), len(lists[0].ids)
    weighted = []
    for entry in lists:
        weights = weights_for(entry.values, k)
        keep = min(entry.ids.shape[1], int((weights > 0).sum(dim=1).max()))
        weighted.append((weights * entry.values if kernel else weights)[:, :keep])
    width = max(entry.shape[1] for entry in weighted)
    rows = max(16, _TABLE // n)
    sums = torch.zeros((count, count), dtype=torch.float64)
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        ids = torch.zeros((count, stop - start, width), dtype=torch.int64)
        values = torch.zeros((count, stop - start, width))
        for model, (entry, own) in enumerate(zip(lists, weighted, strict=True)):
            ids[model, :, : own.shape[1]] = entry.ids[start:stop, : own.shape[1]]
            values[model, :, : own.shape[1]] = own[start:stop]
        flat = ids + (torch.arange(stop - start) * n)[None, :, None]
        table = torch.zeros((stop - start) * n)
        for model in range(count):
            mine = flat[model, :, : weighted[model].shape[1]].reshape(-1)
            table[mine] = values[model, :, : weighted[model].shape[1]].reshape(-1)
            found = table[flat[model:]]
            sums[model, model:] += (found * values[model:]).sum(dim=2).double().sum(dim=1)
            table[mine] = 0.0
    sums = sums + torch.triu(sums, 1).T
    own = sums.diagonal()
    return np.asarray((sums / torch.sqrt(own[:, None] * own[None, :])).numpy())
