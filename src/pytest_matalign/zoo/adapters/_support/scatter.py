"""Stand-ins for compiled packages that a network uses for one function torch has by now."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_REDUCE = {"sum": "sum", "add": "sum", "mean": "mean", "min": "amin", "max": "amax", "mul": "prod"}


def provide_scatter() -> None:
    """Offer `torch_scatter` by torch's own `scatter_reduce`, unless the package is there.

    Compiling torch-scatter takes many minutes, for a function that torch has had since. Packages
    that ask at import whether torch-scatter is installed (torch_geometric) must be imported first.
    """
    if "torch_scatter" in sys.modules or importlib.util.find_spec("torch_scatter") is not None:
        return
    module = ModuleType("torch_scatter", "Stand-in by pytest-matalign: `scatter`, `scatter_add`.")
    vars(module).update(scatter=scatter, scatter_add=scatter)
    sys.modules["torch_scatter"] = module


def scatter(
    src: torch.Tensor,
    index: torch.Tensor,
    dim: int = -1,
    out: torch.Tensor | None = None,
    dim_size: int | None = None,
    reduce: str = "sum",
) -> torch.Tensor:
    """Reduce the entries of `src` that share an index, as `torch_scatter.scatter` does.

    Args:
        src: Values, [..., items, ...] with the items along `dim`.
        index: Where each item goes, of the shape of `src` or one-dimensional along `dim`.
        dim: Axis of the items.
        out: Values to start from, instead of zeros of `dim_size` along `dim`.
        dim_size: Length of the result along `dim`; by default the largest index and one.
        reduce: `sum` (`add`), `mean`, `min`, `max` or `mul`; places without an item stay zero.
    """
    dim = dim % src.dim()
    if index.dim() != src.dim():
        shape = [1] * src.dim()
        shape[dim] = -1
        index = index.view(shape)
    index = index.expand_as(src)
    if out is None:
        if dim_size is None:
            dim_size = int(index.max()) + 1 if index.numel() else 0
        size = list(src.shape)
        size[dim] = dim_size
        return src.new_zeros(size).scatter_reduce(
            dim, index, src, _REDUCE[reduce], include_self=reduce in ("sum", "add")
        )
    return out.scatter_reduce(dim, index, src, _REDUCE[reduce])
