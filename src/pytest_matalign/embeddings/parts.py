"""One part of a split embedded by one model of the zoo, by whatever process does it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.embeddings.extraction import BLOCK
from pytest_matalign.embeddings.obtain import Door, Extracted
from pytest_matalign.embeddings.sources import ZooSource
from pytest_matalign.embeddings.store import Store
from pytest_matalign.environments.loading import environment_of
from pytest_matalign.errors import MatalignError
from pytest_matalign.progress import Line, Silent
from pytest_matalign.splits.load import load_split
from pytest_matalign.zoo.catalogue import card

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pytest_matalign.executor import Executor
    from pytest_matalign.splits.sample import Sample


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is to be embedded, in names that mean the same in every process."""

    model: str  # Card id
    split: str  # Split id, or the path of its card
    store: Path  # Folder
    samples: int | None = None  # The first so many of the split; all where None
    shard: tuple[int, int] = (1, 1)  # (i, n): every n-th block, from the i-th on
    allow_pickle: bool = False  # Whether weights may be read that can run code
    batch_seconds: int | None = None  # Longest that a batch may take; as the card says where None
    quiet: bool = False  # Whether somebody else tells how it is getting on


def blocks_of(samples: Sequence[Sample], *, shard: tuple[int, int]) -> list[Sample]:
    """Return the samples of a shard: whole blocks of the store, so that shards add up."""
    index, count = shard
    starts = range((index - 1) * BLOCK, len(samples), count * BLOCK)
    return [sample for start in starts for sample in samples[start : start + BLOCK]]


def shards_of(samples: int, *, wanted: int) -> list[tuple[int, int]]:
    """Return as many shards as wanted of so many samples, none of them empty."""
    count = max(1, min(wanted, -(-samples // BLOCK)))
    return [(index, count) for index in range(1, count + 1)]


def embed_all(
    executor: Executor, parts: Sequence[Part]
) -> Iterator[tuple[Part, str | MatalignError]]:
    """Have parts embedded; yield each, in order, with what was done, or why it could not be."""
    pieces = [executor.submit(embed_part, part) for part in parts]
    for part, piece in zip(parts, pieces, strict=True):
        told: str | MatalignError
        try:
            (told,) = executor.gather([piece])
        except MatalignError as error:
            told = error
        yield part, told


def embed_part(part: Part) -> str:
    """Put the rows of a part into the store; what was done, in one line.

    Raises:
        UnavailableError: The model cannot be had here.
        ExtractionError: It fails on the split.
        ConfigurationError: There is no such model or split.
    """
    one, split = card(part.model), load_split(part.split, samples=part.samples)
    if part.batch_seconds is not None:
        one = msgspec.structs.replace(one, batch_seconds=part.batch_seconds)
    index, count = part.shard
    whole = f"{one.id} on {split.card.id}" + (f", shard {index}/{count}" if count > 1 else "")
    start = time.monotonic()
    source = Extracted(
        one.id,
        lambda: ZooSource(one, allow_pickle=part.allow_pickle),
        part=f"{index}/{count}" if count > 1 else "",
    )
    door = Door(
        store=Store(part.store), progress=lambda **_: Silent() if part.quiet else Line(whole)
    )
    samples = tuple(blocks_of(split.samples, shard=part.shard))
    found = door.obtain(source, replace(split, samples=samples))
    environment = environment_of(one)
    where = f" in the environment {environment.name}" if environment else ""
    how = "were in the store" if found.origin == "store" else f"embedded{where}"
    width = f", width {found.vectors.shape[1]}" if len(found) else ""
    refused = f", {len(found.refused)} refused" if found.refused else ""
    seconds = time.monotonic() - start
    return f"{whole}: {len(found)} samples {how}{refused}{width}, {seconds:.1f} s"
