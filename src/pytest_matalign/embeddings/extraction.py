"""Run a model over a split in blocks, so that whatever is done is kept."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pytest_matalign.cache import key_of
from pytest_matalign.embeddings.embedding import Embedding, check_vectors
from pytest_matalign.embeddings.store import Rows, Store
from pytest_matalign.errors import ExtractionError, MatalignError, said
from pytest_matalign.escaping import terminal
from pytest_matalign.zoo.interrupts import interruptible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.model import Model

BLOCK = 100
"""Samples a store entry; runs whose sizes are multiples of it share every entry."""


class Loadable(Protocol):
    """A model not yet loaded, with what identifies it and its cheap refusals."""

    id: str
    identity: Mapping[str, Any]

    def refuse(self, sample: Sample) -> str | None:
        """Reason the sample is outside the model's domain, told without loading it."""
        ...

    def load(self) -> Model:
        """Load the weights."""
        ...


class Progress(Protocol):
    """Told after every batch."""

    def __call__(self, *, done: int, total: int) -> None:
        """`done` of `total` samples are embedded or refused."""
        ...


def extract(
    source: Loadable,
    samples: Sequence[Sample],
    *,
    split: str,
    store: Store,
    progress: Progress,
    part: str = "",
) -> Embedding:
    """Embed samples, reading from the store what it has and adding what it lacks.

    Args:
        source: The model.
        samples: All of them in the order of the split, or whole blocks of it.
        split: Name used in messages and in the embedding.
        store: Where rows are kept.
        progress: Told after every batch.
        part: Names these blocks where several processes embed different ones at once.

    Raises:
        ExtractionError: If the model returns something that is not an embedding.
        UnavailableError: If the model cannot be loaded here.
    """
    blocks, keys = _blocks(source, samples)
    found = [store.read_rows(key) for key in keys]
    computed = False
    if any(rows is None for rows in found):
        # One process at a time loads a model; a second one then finds the rows in the store.
        with store.lock(key_of(source.identity) + part, what=f"{source.id} on {split}"):
            model = None
            done = 0
            for index, (key, block) in enumerate(zip(keys, blocks, strict=True)):
                rows = found[index] or store.read_rows(key)
                if rows is None:
                    computed = True
                    if model is None:
                        with told_of(source.id, "loading its weights"):
                            model = source.load()
                    report = _Offset(progress, done=done, total=len(samples))
                    rows = _embed_block(source, model, block, split=split, progress=report)
                    store.write_rows(key, rows, provenance=_provenance(source, model, split))
                found[index] = rows
                done += len(block)
    whole = [block for block in found if block is not None]
    return joined(source.id, split, whole, origin="computed" if computed else "store", blocks=keys)


def stored(
    source: Loadable, samples: Sequence[Sample], *, split: str, store: Store
) -> Embedding | None:
    """Return what `extract` would, if the store has all of it; None otherwise."""
    _, keys = _blocks(source, samples)
    rows = [found for key in keys if (found := store.read_rows(key)) is not None]
    if len(rows) < len(keys):
        return None
    return joined(source.id, split, rows, origin="store", blocks=keys)


def _provenance(source: Loadable, model: Model, split: str) -> dict[str, Any]:
    """What is noted with rows but does not identify them: where they were computed, too."""
    # The model's own, of an isolated environment, goes over what the source says of this process.
    return {
        **source.identity,
        "split": split,
        **getattr(source, "provenance", {}),
        **getattr(model, "provenance", {}),
    }


def _blocks(
    source: Loadable, samples: Sequence[Sample]
) -> tuple[list[Sequence[Sample]], list[str]]:
    """Return samples in blocks, and the store's key of each."""
    blocks = [samples[start : start + BLOCK] for start in range(0, len(samples), BLOCK)]
    return blocks, [_block_key(source, block) for block in blocks]


def _block_key(source: Loadable, block: Sequence[Sample]) -> str:
    return key_of({**source.identity, "samples": [sample.digest for sample in block]})


def _embed_block(
    source: Loadable, model: Model, block: Sequence[Sample], *, split: str, progress: Progress
) -> Rows:
    with interruptible(), told_of(source.id, "telling what it refuses"):
        reasons = {sample.id: source.refuse(sample) or model.refuse(sample) for sample in block}
    refused = {name: _reason(reason, source.id) for name, reason in reasons.items() if reason}
    accepted = [sample for sample in block if sample.id not in refused]
    # A source whose rows are not one per sample names them.
    named = getattr(source, "names", lambda sample: (sample.id,))
    names = [named(sample) for sample in accepted]
    parts = []
    done = len(refused)
    with one_thread():
        size = model.batch_size
        if not isinstance(size, int) or size < 1:
            raise ExtractionError(f"model {source.id!r} has batch_size {size!r}; it is 1 or more.")
        for start in range(0, len(accepted), size):
            batch = accepted[start : start + size]
            doing = f"embedding {batch[0].id} to {batch[-1].id} of {split!r}"
            with interruptible(), told_of(source.id, doing):
                output = model.embed(batch)
            _check_untouched(batch, model=source.id)
            rows = sum(map(len, names[start : start + size]))
            parts.append(check_vectors(output, rows=rows, model=source.id, split=split))
            done += len(batch)
            progress(done=done, total=len(block))
    vectors = _stacked(parts, model=source.id, split=split)
    ids = tuple(name for of_sample in names for name in of_sample)
    return Rows(ids=ids, refused=refused, vectors=vectors)


def _reason(reason: object, model: str) -> str:
    if not isinstance(reason, str):
        raise ExtractionError(
            f"model {model!r} refused a sample for {said(repr(reason))}; give the reason as text."
        )
    return said(reason)


def _check_untouched(batch: Sequence[Sample], *, model: str) -> None:
    """Raise if a model changed its samples: other models would be given what it left of them."""
    for sample in batch:
        if sample.digest != sample.read_digest():
            raise ExtractionError(
                f"model {model!r} changed the sample {sample.id!r} that it was given, which others "
                "read after it; work on a copy."
            )


@contextmanager
def told_of(model: str, doing: str) -> Iterator[None]:
    """Turn whatever third-party model code raises into one sentence, the cause kept."""
    try:
        yield
    except MatalignError:
        raise
    except Exception as error:
        raise ExtractionError(
            terminal(f"model {model!r} failed while {doing}: {type(error).__name__}: {said(error)}")
        ) from error


def _stacked(
    parts: Sequence[NDArray[np.float32]], *, model: str, split: str
) -> NDArray[np.float32]:
    """Rows of several batches as one array [rows, width]."""
    widths = sorted({part.shape[1] for part in parts})
    if len(widths) > 1:
        raise ExtractionError(
            f"model {model!r} on split {split!r} returned rows of different widths {widths}; "
            "an embedding has one width for every sample."
        )
    return np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.float32)


def joined(
    model: str, split: str, rows: Sequence[Rows], *, origin: str, blocks: Sequence[str]
) -> Embedding:
    """Return an embedding made of blocks of the store, in the order of the split.

    Args:
        model: Card id, or the candidate's name.
        split: Split id.
        rows: Content of the blocks.
        origin: Where they came from.
        blocks: Their keys.

    Raises:
        ExtractionError: If their widths differ.
    """
    filled = [block.vectors for block in rows if len(block.ids)]
    return Embedding(
        model=model,
        split=split,
        ids=tuple(name for block in rows for name in block.ids),
        vectors=_stacked(filled, model=model, split=split),
        refused={name: reason for block in rows for name, reason in block.refused.items()},
        origin=origin,
        blocks=tuple(blocks),
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch to one thread: with several, small graphs run slower and sums vary in order."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Offset:
    """Progress over the whole split, told by one that knows its block only."""

    def __init__(self, progress: Progress, *, done: int, total: int) -> None:
        self._progress, self._done, self._total = progress, done, total

    def __call__(self, *, done: int, total: int) -> None:  # noqa: ARG002  the block's own total
        self._progress(done=self._done + done, total=self._total)
