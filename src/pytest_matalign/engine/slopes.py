"""How a metric changes when rows of its spaces move: the first link of a chain rule.

Influences take a space's rows as given. Where rows were made with the help of all samples (centred,
standardised, something projected out), each sample moves those of the others too, and what that
does to the metric is this derivative times the movement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from pytest_matalign.engine.overlap import OverlapPart
from pytest_matalign.engine.products import ProductPart
from pytest_matalign.engine.spaces import as_array
from pytest_matalign.engine.tiles import block_rows, in_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_matalign.engine.part import Part
    from pytest_matalign.metrics.arrays import Float64

_NARROW = 0.1
"""Share of the median below which the width of a neighbourhood's edge is not trusted."""


def slopes(x: Part, y: Part, value: float) -> tuple[Float64, Float64]:
    """Return derivatives of a metric by the prepared rows (n, d1) and (n, d2) of both spaces.

    Args:
        x: Prepared for CKNNA or for the unbiased distance correlation or CKA.
        y: Prepared for the same.
        value: The metric of both.
    """
    if isinstance(x, OverlapPart) and isinstance(y, OverlapPart):
        return _overlap(x, y, value), _overlap(y, x, value)
    if isinstance(x, ProductPart) and isinstance(y, ProductPart) and not x.rooted:
        return _product(x, y, value), _product(y, x, value)
    raise TypeError(f"no derivative is known for {type(x).__name__}.")


def _product(x: ProductPart, y: ProductPart, value: float) -> Float64:
    """Centring is a projection: the derivative by a distance is (B - value A) times A's scale."""
    space, n = x.space, x.n
    rows = space.rows(0, n)

    def work(start: int, stop: int) -> torch.Tensor:
        by_pair = (y.rows(start, stop) - value * x.rows(start, stop)) * x.scale
        if x.linear:
            by_pair = -by_pair
        else:
            d = space.distances(start, stop)
            by_pair = torch.where(d > 0, by_pair / d, 0.0)
        return 2.0 * (by_pair.sum(1, keepdim=True) * rows[start:stop] - by_pair @ rows)

    size = block_rows(n, spaces=4)
    blocks = [block.double() for _, block in in_blocks(work, n, rows=size, device=space.device)]
    return np.asarray(as_array(torch.cat(blocks)))


def _overlap(x: OverlapPart, y: OverlapPart, value: float) -> Float64:
    """Neighbours' kernel values, and who is a neighbour: both move with the rows.

    Membership is taken to fade over the ranks about the k-th (`overlap.EDGE`): a sample that comes
    closer there than the others do takes a place from them.
    """
    from scipy.sparse import coo_array

    n, near = x.n, x.near
    scale = float(np.sqrt(x.size * y.size))
    inside = near.weights * y.masked_at(near.keys) / scale
    inside -= value / x.size * near.weights * x.masked
    kernel = x.window_values
    at_edge = y.masked_at(x.window) * kernel / scale - value / (2 * x.size) * kernel**2
    width = np.ptp(kernel, axis=1)
    width = np.maximum(width, _NARROW * float(np.median(width)))[:, None]
    centred = at_edge - at_edge.mean(axis=1, keepdims=True)
    entering = np.divide(centred, width, out=np.zeros_like(centred), where=width > 0)
    keys: NDArray[np.intp] = np.concatenate([near.keys, x.window.ravel()])
    by_kernel = coo_array(
        (np.concatenate([inside, entering.ravel()]), np.divmod(keys, n)), shape=(n, n)
    ).tocsr()
    rows = as_array(x.space.rows(0, n).double()) + x.space.origin
    totals = by_kernel.sum(axis=1)
    # A kernel value is an inner product less the mean of its row.
    result: Float64 = by_kernel @ rows + by_kernel.T @ rows
    result -= totals[:, None] * rows.mean(axis=0) + totals @ rows / n
    return result
