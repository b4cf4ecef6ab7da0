"""`matalign embed`: run models over a split and keep the rows in the store."""

from __future__ import annotations

import re
import sys
import time
from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pytest_matalign.embeddings.store import Store
    from pytest_matalign.splits import Sample, Split

INTERRUPTED = 130
"""Exit status of a command ended by Ctrl-C, as shells have it."""
_SHARD = re.compile(r"([1-9]\d*)/([1-9]\d*)")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare `matalign embed`."""
    embed = commands.add_parser("embed", help="embed a split with models and keep the rows")
    embed.add_argument("model", nargs="+", help="id of a model of the zoo")
    embed.add_argument("--split", required=True, metavar="ID|PATH")
    embed.add_argument("--samples", type=int, metavar="N", help="the first N samples")
    embed.add_argument(
        "--store", type=Path, metavar="DIR", help="default: $MATALIGN_CACHE or the user's cache"
    )
    embed.add_argument(
        "--shard",
        type=shard,
        default=(1, 1),
        metavar="I/N",
        help="only every N-th block of samples, from the I-th on, such as 1/4",
    )
    embed.add_argument(
        "--allow-pickle",
        action="store_true",
        help="read weights that can run code when they are read",
    )
    embed.set_defaults(run=_embed)


def shard(text: str) -> tuple[int, int]:
    """`i/n` as numbers, with i from 1 to n.

    Raises:
        ArgumentTypeError: If it is anything else.
    """
    match = _SHARD.fullmatch(text)
    if not match or int(match[1]) > int(match[2]):
        raise ArgumentTypeError(f"{text!r} is not a shard; write i/n with i from 1 to n")
    return int(match[1]), int(match[2])


def blocks_of(samples: Sequence[Sample], *, part: tuple[int, int]) -> list[Sample]:
    """The samples of a shard: whole blocks as the store keeps them, so that shards add up."""
    from pytest_matalign.embeddings.extraction import BLOCK

    index, count = part
    starts = range((index - 1) * BLOCK, len(samples), count * BLOCK)
    return [sample for start in starts for sample in samples[start : start + BLOCK]]


def _embed(options: argparse.Namespace) -> int:
    from pytest_matalign.cache import cache_root
    from pytest_matalign.embeddings.store import Store
    from pytest_matalign.errors import ConfigurationError, MatalignError
    from pytest_matalign.splits import load_split
    from pytest_matalign.zoo.permission import allow_pickles
    from pytest_matalign.zoo.registry import card

    if options.samples is not None and options.samples < 1:
        raise ConfigurationError("--samples is a positive whole number.")
    allow_pickles(allowed=options.allow_pickle)
    cards = [card(model) for model in options.model]
    split = load_split(options.split, samples=options.samples)
    store = Store(options.store or cache_root())
    failed = False
    for one in cards:
        try:
            told = _embed_one(one.id, split, store, part=options.shard)
        except MatalignError as error:
            failed = True
            told = f"{one.id} on {split.card.id}: FAILED: {error}"
        except KeyboardInterrupt:
            sys.stderr.write("interrupted; the same call goes on from the last whole block\n")
            return INTERRUPTED
        sys.stdout.write(f"{told}\n")
        sys.stdout.flush()
    return 1 if failed else 0


def _embed_one(model: str, split: Split, store: Store, *, part: tuple[int, int]) -> str:
    """Embed one model; what was done, in one line."""
    from dataclasses import replace

    from pytest_matalign.embeddings.obtain import Door, Extracted
    from pytest_matalign.embeddings.sources import ZooSource
    from pytest_matalign.progress import Line
    from pytest_matalign.zoo.registry import card, environment_of

    samples = tuple(blocks_of(split.samples, part=part))
    index, count = part
    whole = f"{model} on {split.card.id}" + (f", shard {index}/{count}" if count > 1 else "")
    start = time.monotonic()
    source = Extracted(
        model, lambda: ZooSource(card(model)), part=f"{index}/{count}" if count > 1 else ""
    )
    door = Door(store=store, progress=lambda **_: Line(whole))
    found = door.obtain(source, replace(split, samples=samples))
    environment = environment_of(card(model))
    where = f" in the environment {environment.name}" if environment else ""
    how = "were in the store" if found.source == "store" else f"embedded{where}"
    width = f", width {found.vectors.shape[1]}" if len(found) else ""
    refused = f", {len(found.refused)} refused" if found.refused else ""
    seconds = time.monotonic() - start
    return f"{whole}: {len(found)} samples {how}{refused}{width}, {seconds:.1f} s"
