"""What every metric does first: arrays of any kind to checked float64, products, distances."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.errors import MetricInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

Float64: TypeAlias = NDArray[np.float64]
ArrayLike: TypeAlias = "NDArray[Any] | torch.Tensor"


def as_matrix(x: ArrayLike, name: str) -> Float64:
    """Return one embedding as a C-contiguous float64 array (n, d).

    Args:
        x: numpy array or torch tensor (n, d) of any real dtype; a vector (n,) is one feature.
        name: What to call it in an error.

    Raises:
        MetricInputError: As `as_real`; or holding NaN or infinity.
    """
    result = np.ascontiguousarray(as_real(x, name), dtype=np.float64)
    require_finite(result, name)
    return result


def as_real(x: ArrayLike, name: str) -> NDArray[Any]:
    """Return one embedding as a numpy array (n, d) in the precision it has.

    Raises:
        MetricInputError: Not two-dimensional, not numbers, or empty.
    """
    array = _to_numpy(x, name)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[0] == 0 or array.shape[1] == 0:
        raise MetricInputError(
            f"{name} has shape {array.shape}; a metric needs an array (samples, features) "
            "with at least one of each."
        )
    if array.dtype.kind not in "fiub":
        raise MetricInputError(f"{name} holds {array.dtype} values; a metric needs real numbers.")
    return array


def require_finite(values: Float64, name: str, *, first: int = 0) -> None:
    """Raise MetricInputError at NaN or infinity in rows (m, d) that begin with number `first`."""
    finite = np.isfinite(values)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise MetricInputError(
            f"{name} holds {values[row, column]} at row {first + row}, column {column}; "
            "drop that sample or repair the model that made it."
        )


def _to_numpy(x: ArrayLike, name: str) -> NDArray[Any]:
    if isinstance(x, np.ndarray):
        return x
    detach = getattr(x, "detach", None)
    if detach is not None:  # a torch tensor, told apart without importing torch
        tensor = detach().cpu()
        return np.asarray(tensor.double().numpy())
    if isinstance(x, (list, tuple)):
        return np.asarray(x)
    raise MetricInputError(
        f"{name} is a {type(x).__name__}; a metric needs a numpy array or torch tensor."
    )


def as_pair(x: ArrayLike, y: ArrayLike, *, minimum: int = 3) -> tuple[Float64, Float64]:
    """Return two embeddings of the same samples as float64 arrays (n, d1) and (n, d2).

    Raises:
        MetricInputError: As `as_matrix`; or the row counts differ; or n is below `minimum`.
    """
    a, b = as_matrix(x, "x"), as_matrix(y, "y")
    require_same_samples(a, b, minimum=minimum)
    return a, b


def require_same_samples(a: NDArray[Any], b: NDArray[Any], *, minimum: int) -> None:
    """Raise MetricInputError unless both have as many rows, `minimum` or more."""
    if len(a) != len(b):
        raise MetricInputError(
            f"x has {len(a)} rows and y has {len(b)}; row i of both must be the same sample."
        )
    require_samples(len(a), minimum)


def require_samples(n: int, minimum: int) -> None:
    """Raise MetricInputError unless there are at least `minimum` samples."""
    if n < minimum:
        raise MetricInputError(f"{n} samples are too few; this metric needs at least {minimum}.")


def require_scale(largest: float, name: str) -> None:
    """Raise MetricInputError where float64 does not hold the square of the largest value."""
    if largest > LARGEST or 0 < largest < 1 / LARGEST:
        raise MetricInputError(
            f"the largest value of {name} is {largest:.0e}, whose square no float64 holds; divide "
            "the embedding by a common factor, or use a preprocess that scales rows."
        )


def require_spread(x: Float64, name: str) -> None:
    """Raise MetricInputError where all rows are the same: no geometry is left to compare."""
    require_scale(float(np.abs(x).max()), name)
    if (x == x[0]).all():
        raise MetricInputError(
            f"every row of {name} is the same after preprocessing; a collapsed embedding "
            "has no geometry to compare."
        )


LARGEST = 1e150
"""Above it, and below its inverse, squares are beyond what float64 holds."""


def row_lengths(x: Float64) -> Float64:
    """Return Euclidean lengths (n,) of rows (n, d), whatever their scale."""
    with np.errstate(over="ignore"):
        lengths: Float64 = np.sqrt(np.einsum("ij,ij->i", x, x))
    odd = ~((lengths > 1 / LARGEST) & (lengths < LARGEST))
    if odd.any():
        top = np.abs(x[odd]).max(axis=1)
        near = x[odd] / np.where(top > 0, top, 1.0)[:, None]
        lengths[odd] = top * np.sqrt(np.einsum("ij,ij->i", near, near))
    return lengths


@contextmanager
def single_thread() -> Iterator[None]:
    """Run torch on one thread inside, so that sums do not depend on how many cores there are."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def product(a: Float64, b: Float64) -> Float64:
    """Return the matrix product a @ b, the same bits whatever the number of threads."""
    import torch

    # Fresh torch buffers are 64-byte aligned, which the vectorised kernels' bits depend on.
    with single_thread():
        return np.asarray((torch.tensor(a) @ torch.tensor(b)).numpy())


def row_labels(x: Float64) -> NDArray[np.intp]:
    """Number the rows (n, d) so that identical rows share a number; order of first occurrence."""
    factors = np.random.default_rng(0).integers(1 << 63, size=x.shape[1], dtype=np.uint64)
    step = max(1, (1 << 16) // x.shape[1])
    # -0.0 and 0.0 are one value but two bit patterns.
    blocks = [slice(start, start + step) for start in range(0, len(x), step)]
    bits = ((x[part] + 0.0).view(f"u{x.itemsize}") for part in blocks)
    sums = np.concatenate([np.einsum("ij,j->i", block, factors) for block in bits])
    if len(np.unique(sums)) == len(x):  # where sums of bits differ, so do the rows
        return np.arange(len(x))
    seen: dict[bytes, int] = {}
    rows = (x[part] + 0.0 for part in blocks)
    return np.array(
        [seen.setdefault(row.tobytes(), len(seen)) for block in rows for row in block],
        dtype=np.intp,
    )


def gram(x: Float64) -> Float64:
    """Return inner products (n, n) of rows: exactly symmetric, exactly equal for equal rows."""
    labels = row_labels(x)
    _, first = np.unique(labels, return_index=True)
    unique = x[first]
    values = product(unique, np.ascontiguousarray(unique.T))
    values = (values + values.T) / 2
    if len(first) == len(x):
        return values
    return np.ascontiguousarray(values[np.ix_(labels, labels)])


def squared_distances(x: Float64) -> Float64:
    """Return squared Euclidean distances (n, n) of rows; exactly 0 between equal rows."""
    values = gram(_near_origin(x))
    norms = values.diagonal().copy()
    result = norms[:, None] + norms[None, :] - 2.0 * values
    np.maximum(result, 0.0, out=result)
    labels = row_labels(x)
    if len(np.unique(labels)) < len(labels):
        result[labels[:, None] == labels[None, :]] = 0.0
    np.fill_diagonal(result, 0.0)
    return result


def _near_origin(x: Float64) -> Float64:
    """Shift columns so that a large common mean cannot cancel, keeping lattices exact.

    Distances ignore a shift. It is the mean rounded to a power of two below the column's
    deviation: integers stay integers, so equal distances stay exactly equal.
    """
    deviation = x.std(axis=0)
    step = np.exp2(np.floor(np.log2(np.where(deviation > 0, deviation, 1.0))))
    shifted: Float64 = x - np.round(x.mean(axis=0) / step) * step
    shifted[:, (x == x[0]).all(axis=0)] = 0.0
    return shifted


def distances(x: Float64) -> Float64:
    """Return Euclidean distances (n, n) of rows."""
    return np.sqrt(squared_distances(x))
