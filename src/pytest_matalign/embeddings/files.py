"""Embeddings in a plain file, for candidates that are embedded elsewhere.

Format (`.npz`, read without pickle): for every split two arrays, `<split>.ids` (strings) and
`<split>.vectors` (float [samples, width]).
"""

from __future__ import annotations

import io
import math
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.embeddings.embedding import Embedding, check_vectors
from pytest_matalign.errors import ConfigurationError, file_errors
from pytest_matalign.untrusted import untrusted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pytest_matalign.embeddings.extraction import Progress
    from pytest_matalign.embeddings.store import Store
    from pytest_matalign.splits.split import Split

LARGEST = 512 * 2**20
"""Bytes of the file, and of an array in it."""
MOST_SAMPLES = 2_000_000
ABSENT = "not in the candidate's file"


def write_embeddings(path: Path, embeddings: Iterable[Embedding]) -> None:
    """Write embeddings of one model on several splits to an `.npz` file."""
    arrays: dict[str, np.ndarray] = {}
    for embedding in embeddings:
        arrays[f"{embedding.split}.ids"] = np.array(embedding.ids, dtype=np.str_)
        arrays[f"{embedding.split}.vectors"] = embedding.vectors
    with file_errors(path):
        np.savez_compressed(path, allow_pickle=False, **arrays)


def read_embedding(path: Path, *, model: str, split: str, ids: Sequence[str]) -> Embedding:
    """Read one model's embedding of one split, reduced to the samples wanted.

    Args:
        path: An `.npz` file as `write_embeddings` makes it.
        model: Name given to the embedding.
        split: Split id.
        ids: Sample ids of the run, in order; the file may hold more, in any order. Those it
            does not hold count as refused, all of them if it has nothing for this split.

    Raises:
        ConfigurationError: If the file is not such a file, or its ids do not belong to the split.
        ExtractionError: If the vectors are not finite rows, one an id.
    """

    def refusal(why: str) -> ConfigurationError:
        return ConfigurationError(
            f"{path} is not an embedding file ({why}); write one with "
            "`pytest_matalign.embeddings.files.write_embeddings`."
        )

    with untrusted(path, most=LARGEST, refusal=refusal) as content:
        file = zipfile.ZipFile(io.BytesIO(content))
        members = {info.filename: info for info in file.infolist()}
        wanted = [members.get(f"{split}.{part}.npy") for part in ("ids", "vectors")]
        if None in wanted:
            return _absent(model=model, split=split, ids=ids)
        found, rows = (_array(file, member) for member in wanted if member)
        if found.dtype.kind not in "USiu" or found.ndim != 1 or len(found) > MOST_SAMPLES:
            raise ValueError(f"{split}.ids is not a list of at most {MOST_SAMPLES} strings")
        names = [str(name) for name in found]
        vectors = check_vectors(rows, rows=len(names), model=model, split=split)
    row = {name: index for index, name in enumerate(names)}
    if len(row) != len(names):
        raise ConfigurationError(f"{path} lists a sample of split {split!r} twice; ids are unique.")
    kept = tuple(name for name in ids if name in row)
    if not kept:
        raise ConfigurationError(
            f"{path} has no sample of split {split!r} in common with this run; "
            f"its ids look like {names[0]!r}, the split's like {ids[0]!r}."
        )
    return Embedding(
        model=model,
        split=split,
        ids=kept,
        vectors=vectors[[row[name] for name in kept]],
        refused={name: ABSENT for name in ids if name not in row},
        origin="file",
    )


def _array(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Return an array of the file; what its header claims has to be what the archive unpacks to.

    Raises:
        ValueError: If it is larger than allowed, of objects, or not as large as it claims.
    """
    if member.file_size > LARGEST:
        raise ValueError(
            f"{member.filename} unpacks to {member.file_size} bytes; {LARGEST} are allowed"
        )
    with file.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else (
            np.lib.format.read_array_header_2_0
        )  # fmt: skip
        shape, fortran, dtype = read(stream)
        left = member.file_size - stream.tell()
        if dtype.hasobject or math.prod(shape) * dtype.itemsize != left or not dtype.itemsize:
            raise ValueError(f"{member.filename} does not hold the {shape} of {dtype} it claims")
        flat = np.frombuffer(stream.read(), dtype=dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


class EmbeddingFile:
    """A file of embeddings as a source."""

    def __init__(self, model: str, path: Path) -> None:
        self.model, self.path = model, path

    def embedding(self, split: Split, *, store: Store, progress: Progress) -> Embedding:  # noqa: ARG002  of the protocol
        """Return rows of the file; samples it does not hold count as refused."""
        return read_embedding(self.path, model=self.model, split=split.card.id, ids=split.ids)


def _absent(*, model: str, split: str, ids: Sequence[str]) -> Embedding:
    return Embedding(
        model=model,
        split=split,
        ids=(),
        vectors=np.empty((0, 0), dtype=np.float32),
        refused=dict.fromkeys(ids, ABSENT),
        origin="file",
    )
