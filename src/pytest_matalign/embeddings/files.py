"""Embeddings in a plain file, for candidates that are embedded elsewhere and for whoever asks.

Format (`.npz`, read without pickle): for every split two arrays, `<split>.ids` (strings) and
`<split>.vectors` (float [samples, width]). A table of one file's samples (`.npz` or `.parquet`) has
`ids` and `vectors`, and where rows are of atoms `atoms`, their numbers from 0.
"""

from __future__ import annotations

import importlib
import io
import json
import math
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.cache import write_output
from pytest_matalign.embeddings.embedding import Embedding, check_vectors
from pytest_matalign.errors import ConfigurationError, UnavailableError, file_errors
from pytest_matalign.untrusted import untrusted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pytest_matalign.embeddings.extraction import Progress
    from pytest_matalign.embeddings.store import Store
    from pytest_matalign.splits.split import Split

LONGEST_TEXT = 4 * 4096
"""Bytes of an id; every one of an array takes as many as the longest."""
LARGEST = 512 * 2**20
"""Bytes of the file, and of an array in it."""
MOST_SAMPLES = 2_000_000
TABLES = (".npz", ".parquet")
ABSENT = "not in the candidate's file"


def write_embeddings(path: Path, embeddings: Iterable[Embedding]) -> None:
    """Write embeddings of one model on several splits to an `.npz` file."""
    arrays: dict[str, np.ndarray] = {}
    for embedding in embeddings:
        arrays[f"{embedding.split}.ids"] = np.array(embedding.ids, dtype=np.str_)
        arrays[f"{embedding.split}.vectors"] = embedding.vectors
    with file_errors(path):
        np.savez_compressed(path, allow_pickle=False, **arrays)


def write_table(
    path: Path,
    embedding: Embedding,
    *,
    of_atoms: bool,
    about: Mapping[str, Any],
    columns: Mapping[str, NDArray[Any]] = {},
) -> None:
    """Write the rows of one embedding with their ids, `.npz` or `.parquet`; whole or not at all.

    Args:
        path: What is written.
        embedding: Its rows.
        of_atoms: Whether its ids name atoms.
        about: What made the rows, as JSON in the array `about`, or in the schema's metadata.
        columns: More of every row.

    Raises:
        ConfigurationError: The file has another ending.
        UnavailableError: pyarrow is asked for and not installed.
    """
    named = [name.rpartition(":") if of_atoms else (name, "", "0") for name in embedding.ids]
    ids = np.array([name for name, _, _ in named], dtype=np.str_)
    atoms = {"atoms": np.array([int(atom) for *_, atom in named])} if of_atoms else {}
    content = io.BytesIO()
    if path.suffix == ".npz":
        arrays = {"ids": ids, **atoms, "vectors": embedding.vectors, **columns}
        np.savez_compressed(
            content, allow_pickle=False, **arrays, about=np.array(json.dumps(about))
        )
    elif path.suffix == ".parquet":
        writer = parquet()
        arrow = importlib.import_module("pyarrow")
        flat = arrow.array(embedding.vectors.ravel())
        width = embedding.vectors.shape[1]
        table = arrow.table(
            {
                "id": ids,
                **{name.removesuffix("s"): column for name, column in atoms.items()},
                "vector": arrow.FixedSizeListArray.from_arrays(flat, width),
                **columns,
            }
        ).replace_schema_metadata({"matalign": json.dumps(about)})
        writer.write_table(table, content)
    else:
        raise ConfigurationError(f"{path}: name a file that ends in {' or '.join(TABLES)}.")
    write_output(path, content.getbuffer())


def read_embedding(path: Path, *, model: str, split: str, ids: Sequence[str]) -> Embedding:
    """Read one model's embedding of one split, reduced to the samples wanted.

    Args:
        path: A file as `write_embeddings` or `matalign embed` makes it.
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
        arrays = _parquet(content) if path.suffix == ".parquet" else _members(content, split)
        if "ids" not in arrays or "vectors" not in arrays:
            return _absent(model=model, split=split, ids=ids)
        found, rows, atoms = arrays["ids"], arrays["vectors"], arrays.get("atoms")
        if found.dtype.kind not in "USiu" or found.ndim != 1 or len(found) > MOST_SAMPLES:
            raise ValueError(f"{split}.ids is not a list of at most {MOST_SAMPLES} strings")
        names = [str(name) for name in found]
        if atoms is not None:
            names = [f"{name}:{int(atom)}" for name, atom in zip(names, atoms, strict=True)]
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


def read_rows_by_id(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return every row of a file by its sample id, of all splits it holds.

    Raises:
        ConfigurationError: If the file is none of embeddings of samples, or rows differ in width.
    """

    def refusal(why: str) -> ConfigurationError:
        return ConfigurationError(f"{path} is not an embedding file ({why}).")

    with untrusted(path, most=LARGEST, refusal=refusal) as content:
        if path.suffix == ".parquet":
            tables = [_parquet(content)]
        else:
            names = zipfile.ZipFile(io.BytesIO(content)).namelist()
            splits = [name.removesuffix(".ids.npy") for name in names if name.endswith(".ids.npy")]
            tables = [_members(content, split) for split in splits or [""]]
        found: dict[str, NDArray[np.float32]] = {}
        for table in tables:
            if "atoms" in table:
                raise ValueError("its rows are of atoms")
            ids = [str(name) for name in table["ids"]]
            rows = check_vectors(table["vectors"], rows=len(ids), model=str(path), split="any")
            found |= dict(zip(ids, rows, strict=True))
        if len({len(row) for row in found.values()}) != 1:
            raise ValueError("it has no rows, or rows of different widths")
        return found


def _members(content: bytes, split: str) -> dict[str, NDArray[Any]]:
    """Arrays of a split, or of a table where the archive is one."""
    file = zipfile.ZipFile(io.BytesIO(content))
    members = {info.filename: info for info in file.infolist()}
    prefix = f"{split}." if f"{split}.ids.npy" in members else ""
    return {
        part: _array(file, members[f"{prefix}{part}.npy"])
        for part in ("ids", "vectors", "atoms")
        if f"{prefix}{part}.npy" in members
    }


def _parquet(content: bytes) -> dict[str, NDArray[Any]]:
    table = parquet().read_table(io.BytesIO(content))
    return {
        "vectors" if name == "vector" else f"{name}s": np.array(table[name].to_pylist())
        for name in ("id", "vector", "atom")
        if name in table.column_names
    }


def parquet() -> Any:
    """Return pyarrow's module of the format.

    Raises:
        UnavailableError: If pyarrow is not installed.
    """
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise UnavailableError(
            "parquet files need pyarrow; pip install pyarrow, or name a file .npz."
        ) from None


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
        if dtype.kind in "US" and dtype.itemsize > LONGEST_TEXT:
            raise ValueError(f"{member.filename} has texts of {dtype}, which no id is as long as")
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
