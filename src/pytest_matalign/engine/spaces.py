"""Embeddings for the all-pairs engine: any array-like, read in row blocks, preprocessed on the way.

Every space is held (or read) as centred float32 rows and a bias per sample, in which both of the
geometries the metrics use are exact to float32 whatever the offset of the original features: the
inner product minus its row mean is rows_i . rows_j + bias_j, the distance |rows_i - rows_j|.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.preprocessing import PREPROCESSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

READ_ROWS = 4096


def _run_lengths(index: torch.Tensor) -> list[int]:
    """Return lengths of runs of an ascending index whose gaps are below 64."""
    breaks = torch.nonzero(index[1:] - index[:-1] >= 64).ravel() + 1
    edges = torch.cat([torch.tensor([0]), breaks, torch.tensor([len(index)])])
    return [int(length) for length in edges.diff()]


class Rows(Protocol):
    """What an embedding must offer: a shape and slices of rows (arrays, memmaps, tensors)."""

    def __getitem__(self, index: slice, /) -> Any: ...


def shape_of(rows: Rows) -> tuple[int, int]:
    """Return (n, d) of an array, tensor or safetensors slice.

    Raises:
        MetricInputError: Not two-dimensional.
    """
    get_shape: Callable[[], list[int]] | None = getattr(rows, "get_shape", None)
    shape = tuple(get_shape()) if get_shape is not None else tuple(getattr(rows, "shape", ()))
    if len(shape) != 2 or 0 in shape:
        raise MetricInputError(
            f"an embedding has shape {shape}; the engine needs (samples, features)."
        )
    return int(shape[0]), int(shape[1])


class Space:
    """One embedding: preprocessed rows on demand, kept in memory if `keep`.

    Attributes:
        n: Samples.
        width: Features.
        unit: Whether all preprocessed rows have length 1, so that inner products and distances
            order neighbours alike.
        bias: float32 (n,), see the module.
        squares: float32 (n,), squared lengths of the centred rows.
    """

    def __init__(self, rows: Rows, *, name: str, how: str, device: torch.device, keep: bool):
        if how not in PREPROCESSES:
            raise MetricInputError(
                f"unknown preprocess {how!r}; choose one of {', '.join(PREPROCESSES)}."
            )
        self.name, self.how, self.device = name, how, device
        self._source = rows
        self.n, self.width = shape_of(rows)
        self._kept: torch.Tensor | None = None
        self._mean_in = self._column_means() if how.startswith("center") else None
        self._bound = self._truncation() if how == "prh" else None
        self._mean_out, self.unit = self._describe()
        bias = np.empty(self.n, dtype=np.float32)
        squares = np.empty(self.n, dtype=np.float32)
        kept = torch.empty((self.n, self.width), device=device) if keep else None
        for start, block in self._prepared_blocks():
            stop = start + len(block)
            centred = block - self._mean_out
            bias[start:stop] = centred @ self._mean_out
            squares[start:stop] = np.einsum("ij,ij->i", centred, centred)
            if kept is not None:
                kept[start:stop] = torch.from_numpy(centred.astype(np.float32)).to(device)
        if not squares.any():
            raise MetricInputError(
                f"every row of {name} is the same after preprocessing; a collapsed embedding "
                "has no geometry to compare."
            )
        self._kept = kept
        self.bias = torch.from_numpy(bias).to(device)
        self.squares = torch.from_numpy(squares).to(device)

    def rows(self, start: int, stop: int) -> torch.Tensor:
        """Return centred rows start to stop as float32 (stop - start, width)."""
        if self._kept is not None:
            return self._kept[start:stop]
        centred = self._prepare(self._read(start, stop)) - self._mean_out
        return torch.from_numpy(centred.astype(np.float32)).to(self.device)

    def blocks(self, size: int) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield (first row, centred rows) in blocks of at most `size` rows."""
        for start in range(0, self.n, size):
            yield start, self.rows(start, min(start + size, self.n))

    def column_blocks(self) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield (first row, centred rows): all at once where they are in memory."""
        return self.blocks(self.n if self._kept is not None else READ_ROWS)

    def gather(self, index: torch.Tensor) -> torch.Tensor:
        """Return centred rows (len(index), width) by index (len(index),)."""
        if self._kept is not None:
            return self._kept[index.long().to(self.device)]
        unique, inverse = torch.unique(index.long().cpu(), return_inverse=True)
        # Read in runs of neighbouring rows: slices are all that every source offers.
        runs = torch.split(unique, _run_lengths(unique))
        rows = torch.cat(
            [self.rows(int(r[0]), int(r[-1]) + 1)[(r - r[0]).to(self.device)] for r in runs]
        )
        return rows[inverse.to(self.device)]

    def _read(self, start: int, stop: int) -> NDArray[np.float64]:
        block = self._source[start:stop]
        if isinstance(block, torch.Tensor):
            block = block.detach().cpu().double().numpy()
        values = np.asarray(block, dtype=np.float64)
        if not np.isfinite(values).all():
            row, column = np.argwhere(~np.isfinite(values))[0]
            raise MetricInputError(
                f"{self.name} holds {values[row, column]} at row {start + row}, column {column}; "
                "drop that sample or repair the model that made it."
            )
        return values

    def _raw_blocks(self) -> Iterator[tuple[int, NDArray[np.float64]]]:
        for start in range(0, self.n, READ_ROWS):
            yield start, self._read(start, min(start + READ_ROWS, self.n))

    def _prepared_blocks(self) -> Iterator[tuple[int, NDArray[np.float64]]]:
        for start, block in self._raw_blocks():
            yield start, self._prepare(block)

    def _column_means(self) -> NDArray[np.float64]:
        total = np.zeros(self.width)
        first = self._read(0, 1)[0]
        for _, block in self._raw_blocks():
            total += (block - first).sum(axis=0)  # differences: a constant column stays exact
        means: NDArray[np.float64] = first + total / self.n
        return means

    def _truncation(self) -> float:
        sizes = np.concatenate(
            [np.abs(b).astype(np.float32).ravel() for _, b in self._raw_blocks()]
        )
        place = int(0.95 * sizes.size)
        return float(np.partition(sizes, place)[place])

    def _prepare(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._mean_in is not None:
            block = block - self._mean_in
        if self._bound is not None:
            block = np.clip(block, -self._bound, self._bound)
        if self.how == "max":
            top = block.max(axis=1, keepdims=True)
            if (top <= 0).any():
                raise MetricInputError(
                    f"a row of {self.name} has no positive element, so preprocess 'max' cannot "
                    "scale its maximum to 1; use another preprocess."
                )
            block = block / top
        if self.how in {"l2", "center-l2", "prh"}:
            norms = np.sqrt(np.einsum("ij,ij->i", block, block))[:, None]
            block = np.divide(block, norms, out=np.zeros_like(block), where=norms > 0)
        return block

    def _describe(self) -> tuple[NDArray[np.float64], bool]:
        total = np.zeros(self.width)
        unit = self.how in {"l2", "center-l2", "prh"}
        for _, block in self._prepared_blocks():
            total += block.sum(axis=0)
            unit = unit and bool(block.any(axis=1).all())
        return total / self.n, unit
