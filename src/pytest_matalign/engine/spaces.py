"""Embeddings for the engine: any array-like, read in row blocks, preprocessed on the way.

Every space is held (or read) as rows near the origin and a bias per sample, in which both of the
geometries the metrics use are exact to the working precision whatever the offset of the original
features: inner products are rows_i . rows_j + bias_j but for a constant along row i, distances
|rows_i - rows_j|. What is taken off is rounded to a power of two below the columns' deviation, so
lattices stay lattices and, in float64, equal distances exactly equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import torch

from pytest_matalign.engine.tiles import block_rows, in_blocks
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import (
    require_finite,
    require_scale,
    row_labels,
    row_lengths,
    single_thread,
)
from pytest_matalign.metrics.preprocessing import UNIT_ROWS, learn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from pytest_matalign.metrics.arrays import Float64

Precision = Literal["float64", "float32"]

READ_ROWS = 4096
_CACHED = 1 << 16
"""Numbers prepared at once: they stay in a core's own cache from step to step."""
HELD = 2048
"""Samples up to which a space's whole distance matrix is held; beyond, its rows are made anew."""


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

    `held` is the number of samples up to which `hold` makes the distance matrix.

    Attributes:
        n: Samples.
        width: Features.
        unit: Whether all preprocessed rows have length 1, so that inner products and distances
            order neighbours alike.
        bias: (n,), see the module.
        squares: (n,), squared lengths of the rows as held.
        origin: float64 (width,), what was taken off the preprocessed rows.
    """

    def __init__(
        self,
        rows: Rows,
        *,
        name: str,
        how: str,
        device: torch.device | None = None,
        precision: Precision = "float64",
        keep: bool = True,
        held: int = HELD,
    ) -> None:
        self.name, self.how, self.device = name, how, device or torch.device("cpu")
        self.dtype = torch.float64 if precision == "float64" else torch.float32
        self._source, self._held = rows, held
        self.n, self.width = shape_of(rows)
        self._kept: torch.Tensor | None = None
        self._squared: torch.Tensor | None = None
        self._labels: torch.Tensor | None = None
        self._row_means: Float64 | None = None
        self._preparation = learn(how, lambda: (block for _, block in self._raw_blocks()))
        # Written to by numpy: torch would set all its threads to copying a few rows.
        kept = torch.empty((self.n, self.width), dtype=self.dtype).numpy() if keep else None
        whole = kept if precision == "float64" else None
        self.origin, self.unit = self._describe(whole)
        self.bias = torch.empty(self.n, dtype=self.dtype)
        self.squares = torch.empty(self.n, dtype=self.dtype)
        mean = np.zeros(self.width)
        for start, block in self._prepared_blocks() if whole is None else _in_cache(whole):
            stop = start + len(block)
            near = block - self.origin
            mean += near.sum(axis=0) / self.n
            self.bias[start:stop] = torch.from_numpy(np.einsum("ij,j->i", near, self.origin))
            self.squares[start:stop] = torch.from_numpy(np.einsum("ij,ij->i", near, near))
            if kept is not None:
                kept[start:stop] = near
        if not self.squares.any():
            raise MetricInputError(
                f"every row of {name} is the same after preprocessing; a collapsed embedding "
                "has no geometry to compare."
            )
        if kept is not None:
            self._find_copies(kept)
            self._kept = torch.from_numpy(kept).to(self.device)
        self.bias, self.squares = self.bias.to(self.device), self.squares.to(self.device)
        self._mean = torch.from_numpy(mean).to(self.dtype).to(self.device)
        self._mean_bias = float(self.bias.double().mean())

    def rows(self, start: int, stop: int) -> torch.Tensor:
        """Return rows start to stop (stop - start, width)."""
        if self._kept is not None:
            return self._kept[start:stop]
        block = self._preparation.apply(self._read(start, stop), name=self.name, first=start)
        return torch.from_numpy(block - self.origin).to(self.dtype).to(self.device)

    def lengths(self) -> Float64 | None:
        """Return in a common unit the lengths (n,) of centred rows before scaling, if scaled."""
        shift = self._preparation.shift
        if shift is None or not self.unit:
            return None
        lengths = np.concatenate([row_lengths(block - shift) for _, block in self._raw_blocks()])
        result: Float64 = lengths / lengths.mean()
        return result

    def centred(self, start: int, stop: int) -> torch.Tensor:
        """Return rows start to stop (stop - start, width) less the mean of all rows."""
        return self.rows(start, stop) - self._mean

    def blocks(self, size: int) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield (first row, rows) in blocks of at most `size` rows."""
        for start in range(0, self.n, size):
            yield start, self.rows(start, min(start + size, self.n))

    def gather(self, index: torch.Tensor) -> torch.Tensor:
        """Return rows (len(index), width) by index (len(index),)."""
        if self._kept is not None:
            return self._kept[index.long().to(self.device)]
        unique, inverse = torch.unique(index.long().cpu(), return_inverse=True)
        # Read in runs of neighbouring rows: slices are all that every source offers.
        runs = torch.split(unique, _run_lengths(unique))
        rows = torch.cat(
            [self.rows(int(r[0]), int(r[-1]) + 1)[(r - r[0]).to(self.device)] for r in runs]
        )
        return rows[inverse.to(self.device)]

    def products(self, start: int, stop: int) -> torch.Tensor:
        """Return inner products (rows, n) of some rows with all, less a constant of each row."""
        block = self.rows(start, stop)
        result = self._empty(stop - start)
        for first, other, places in self._columns():
            out = result[:, first : first + len(other)]
            torch.addmm(self.bias[places], block, other.T, out=out)
        return self._spread(result)

    def row_means(self) -> Float64:
        """Return (n,): the mean of each row of `products`."""
        if self._row_means is None:
            mean = self._mean.double()
            with single_thread():  # else threads wait for each other longer than they work
                parts = [(block.double() @ mean).cpu() for _, block in self.blocks(READ_ROWS)]
            self._row_means = torch.cat(parts).numpy() + self._mean_bias
        return self._row_means

    def through_kernel(self, weights: Float64) -> Float64:
        """Return sum_i weights_i kernel_ij (n,), the kernel being products less their row mean."""
        given = torch.from_numpy(weights).to(self.device)
        total = torch.zeros(self.width, dtype=torch.float64, device=self.device)
        for start, block in self.blocks(READ_ROWS):
            total += block.double().T @ given[start : start + len(block)]
        parts = [block.double() @ total for _, block in self.blocks(READ_ROWS)]
        result = torch.cat(parts) + self.bias.double() * given.sum()
        return np.asarray(result.cpu().numpy() - weights @ self.row_means())

    def squared(self, start: int, stop: int) -> torch.Tensor:
        """Return squared distances (rows, n) of some rows to all; not to be written to."""
        if self._squared is not None:
            return self._squared[start:stop]
        block = self.rows(start, stop)
        result = self._empty(stop - start)
        for first, other, places in self._columns():
            out = result[:, first : first + len(other)]
            torch.addmm(self.squares[places], block, other.T, alpha=-2.0, out=out)
        result += self.squares[start:stop, None]
        result.clamp_(min=0.0)
        line = torch.arange(start, stop, device=self.device)
        own = line if self._labels is None else self._labels[line]
        result[torch.arange(stop - start, device=self.device), own] = 0.0
        return self._spread(result)

    def distances(self, start: int, stop: int) -> torch.Tensor:
        """Return distances (rows, n) of some rows to all."""
        return self.squared(start, stop).sqrt()

    def hold(self) -> None:
        """Make the whole distance matrix now where there are few samples, to be used often."""
        if self._squared is None and self.n <= self._held:
            held = self._empty(self.n, self.n)
            rows = block_rows(self.n)
            start = 0
            for stop, block in in_blocks(self.squared, self.n, rows=rows, device=self.device):
                held[start:stop] = block
                start = stop
            self._squared = held

    def _empty(self, rows: int, columns: int | None = None) -> torch.Tensor:
        if columns is None:
            columns = self.n if self._labels is None else len(self._firsts)
        return torch.empty((rows, columns), dtype=self.dtype, device=self.device)

    def _columns(self) -> Iterator[tuple[int, torch.Tensor, Any]]:
        """Yield (first column, rows, their places among the samples): each different row once."""
        if self._kept is None:
            for start, block in self.blocks(READ_ROWS):
                yield start, block, slice(start, start + len(block))
        elif self._labels is None:
            yield 0, self._kept, slice(None)
        else:
            yield 0, self._distinct, self._firsts

    def _spread(self, values: torch.Tensor) -> torch.Tensor:
        return values if self._labels is None else values.index_select(1, self._labels)

    def _find_copies(self, kept: NDArray[Any]) -> None:
        """Note rows that are copies: products with them are made once, so they are all equal."""
        labels = row_labels(kept)
        _, firsts = np.unique(labels, return_index=True)
        if len(firsts) < self.n:
            self._labels = torch.from_numpy(labels).to(self.device)
            self._firsts = torch.from_numpy(firsts).to(self.device)
            self._distinct = torch.from_numpy(kept[firsts]).to(self.device)

    @property
    def plain(self) -> Float64 | None:
        """All rows (n, width), where held on the CPU in float64 and no two are the same."""
        if self._kept is None or self._labels is not None or self.device.type != "cpu":
            return None
        return as_array(self._kept) if self.dtype == torch.float64 else None

    def without_copies(self) -> Space:
        """Return the space of the different rows, each once; this one must be held in memory."""
        if self._labels is None:
            return self
        return Space(as_array(self._distinct), name=self.name, how="none")

    def _read(self, start: int, stop: int) -> Float64:
        block = self._source[start:stop]
        if isinstance(block, torch.Tensor):
            block = block.detach().cpu().double().numpy()
        values = np.asarray(block, dtype=np.float64)
        require_finite(values, self.name, first=start)
        return values

    def _raw_blocks(self) -> Iterator[tuple[int, Float64]]:
        size = max(64, _CACHED // self.width)
        for start in range(0, self.n, size):
            yield start, self._read(start, min(start + size, self.n))

    def _prepared_blocks(self) -> Iterator[tuple[int, Float64]]:
        for start, block in self._raw_blocks():
            yield start, self._preparation.apply(block, name=self.name, first=start)

    def _describe(self, kept: Float64 | None) -> tuple[Float64, bool]:
        """Return what to take off the rows, and whether all have length 1; note prepared rows."""
        unit = self.how in UNIT_ROWS
        first, total, squares = np.zeros(()), np.zeros(()), np.zeros(())
        for start, block in self._prepared_blocks():
            first = first if start else block[0].copy()
            gaps = block - first
            total, squares = total + gaps.sum(axis=0), squares + np.einsum("ij,ij->j", gaps, gaps)
            unit = unit and bool(block.any(axis=1).all())
            if kept is not None:
                kept[start : start + len(block)] = block
        if not 0 < float(squares.max()) < np.inf:
            largest = max(float(np.abs(block).max()) for _, block in self._prepared_blocks())
            require_scale(largest, self.name)
        mean = total / self.n
        deviation = np.sqrt(np.maximum(squares / self.n - mean * mean, 0.0))
        step = np.exp2(np.floor(np.log2(np.where(deviation > 0, deviation, 1.0))))
        origin = np.where(squares == 0, first, np.round((first + mean) / step) * step)
        return origin, unit


def _in_cache(rows: Float64) -> Iterator[tuple[int, Float64]]:
    size = max(64, _CACHED // rows.shape[1])
    for start in range(0, len(rows), size):
        yield start, rows[start : start + size]


def _run_lengths(index: torch.Tensor) -> list[int]:
    """Return lengths of runs of an ascending index whose gaps are below 64."""
    breaks = torch.nonzero(index[1:] - index[:-1] >= 64).ravel() + 1
    edges = torch.cat([torch.tensor([0]), breaks, torch.tensor([len(index)])])
    return [int(length) for length in edges.diff()]


def as_array(tensor: torch.Tensor) -> NDArray[Any]:
    """Return a tensor as a numpy array, sharing memory where it can."""
    return np.asarray(tensor.cpu().numpy())
