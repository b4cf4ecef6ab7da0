"""The value that everything downstream works on: one model's view of one split."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping  # noqa: TC003  dataclass fields are resolved by tools
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray  # noqa: TC002  dataclass fields are resolved by tools

from pytest_matalign.environments.transport import NUMBERS
from pytest_matalign.errors import ExtractionError


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedding:
    """One model on one split.

    Attributes:
        model: Card id, or the candidate's name.
        split: Split id.
        ids: Sample ids in the order of the split, one per row.
        vectors: float32 [samples, width], finite.
        refused: Reason by sample id, for samples outside the model's domain.
        origin: Where the rows came from (`computed`, `store`, `pack` or `file`).
        blocks: Keys of the rows in the store, in order; none where they are not kept there.
    """

    model: str
    split: str
    ids: tuple[str, ...]
    vectors: NDArray[np.float32]
    refused: Mapping[str, str] = field(default_factory=dict)
    origin: str = "computed"
    blocks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over ids and values: equal digests are equal embeddings."""
        return content_digest(self.ids, self.vectors)

    def rows(self, ids: tuple[str, ...]) -> NDArray[np.float32]:
        """Vectors [len(ids), width] of the named samples, in that order."""
        if ids == self.ids:
            return self.vectors
        position = {name: row for row, name in enumerate(self.ids)}
        return self.vectors[[position[name] for name in ids]]


def common_ids(*embeddings: Embedding) -> tuple[str, ...]:
    """Samples that every embedding has, in the order of the first."""
    shared = set.intersection(*(set(embedding.ids) for embedding in embeddings))
    return tuple(name for name in embeddings[0].ids if name in shared)


def content_digest(ids: tuple[str, ...], vectors: NDArray[np.float32]) -> str:
    """SHA-256 over sample ids and float32 values [samples, width]."""
    digest = hashlib.sha256("\n".join(ids).encode())
    digest.update(repr(vectors.shape).encode())
    digest.update(np.ascontiguousarray(vectors, dtype="<f4").tobytes())
    return digest.hexdigest()


def check_vectors(vectors: object, *, rows: int, model: str, split: str) -> NDArray[np.float32]:
    """Return a model's output as float32 [rows, width], or say what is wrong with it.

    Raises:
        ExtractionError: If the output is not a finite two-dimensional array with one row a sample.
    """
    where = f"model {model!r} on split {split!r}"
    try:
        array = np.asarray(vectors)
    except (ValueError, TypeError) as error:  # rows of different lengths, for one
        raise ExtractionError(f"{where} returned no array: {error}.") from None
    if array.dtype.kind not in NUMBERS or array.ndim != 2:
        raise ExtractionError(
            f"{where} returned an array of shape {array.shape} of {array.dtype}; "
            "return one two-dimensional float array [samples, width]."
        )
    if array.shape[0] != rows:
        raise ExtractionError(
            f"{where} returned {array.shape[0]} rows for {rows} samples; "
            "return exactly one row a sample, in the order given."
        )
    with np.errstate(over="ignore"):  # told below
        array = np.ascontiguousarray(array, dtype=np.float32)
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        raise ExtractionError(
            f"{where} returned NaN or infinity in {int((~finite).sum())} of {rows} rows, first in "
            f"row {int(np.argmin(finite))}; refuse such samples or mend the model."
        )
    return array
