"""Embeddings in a plain file, for candidates that are embedded elsewhere.

Format (`.npz`, read without pickle): for every split two arrays, `<split>.ids` (strings) and
`<split>.vectors` (float [samples, width]).
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.embeddings.embedding import Embedding, check_vectors
from pytest_matalign.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pytest_matalign.embeddings.extraction import Progress
    from pytest_matalign.embeddings.store import Store
    from pytest_matalign.splits.split import Split

ABSENT = "not in the candidate's file"


def write_embeddings(path: Path, embeddings: Iterable[Embedding]) -> None:
    """Write embeddings of one model on several splits to an `.npz` file."""
    arrays: dict[str, np.ndarray] = {}
    for embedding in embeddings:
        arrays[f"{embedding.split}.ids"] = np.array(embedding.ids, dtype=np.str_)
        arrays[f"{embedding.split}.vectors"] = embedding.vectors
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
    try:
        with np.load(path, allow_pickle=False) as file:
            if f"{split}.vectors" not in file or f"{split}.ids" not in file:
                return _absent(model=model, split=split, ids=ids)
            names = [str(name) for name in file[f"{split}.ids"]]
            vectors = check_vectors(
                file[f"{split}.vectors"], rows=len(names), model=model, split=split
            )
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ConfigurationError(
            f"{path} is not an embedding file ({error}); write one with "
            "`pytest_matalign.embeddings.files.write_embeddings`."
        ) from None
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
