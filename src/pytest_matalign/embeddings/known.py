"""Everything at hand whose maker is known: entries of packs, and rows of the store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pytest_matalign.cache import key_of
from pytest_matalign.embeddings.pack_format import decode
from pytest_matalign.embeddings.store import LARGEST_BLOCK, damaged, read_rows
from pytest_matalign.embeddings.tensors import header_of
from pytest_matalign.embeddings.upkeep import entries
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.untrusted import untrusted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.embeddings.store import Rows


class Known(NamedTuple):
    """Rows whose maker is known."""

    model: str
    split: str
    origin: str  # `pack TITLE` or `store`
    ids: tuple[str, ...]
    vectors: NDArray[np.float32]  # [len(ids), width]


def known_rows(
    ids: Collection[str], *, packs: Sequence[Pack], store: Path | None
) -> Iterator[Known]:
    """Yield rows of packs, then of the store, that have some of these samples."""
    wanted = frozenset(ids)
    for pack in packs:
        for split, model in pack:
            entry, tensors = pack.entry(split, model)
            if not wanted.isdisjoint(entry.ids):
                origin = f"pack {pack.contents.title!r}"
                yield Known(model, split, origin, entry.accepted, decode(entry, tensors))
    if store is not None:
        yield from _of_store(store, wanted)


def _of_store(root: Path, wanted: frozenset[str]) -> Iterator[Known]:
    """Blocks of one model on one split, joined; a damaged one is passed over."""
    found: dict[tuple[str, str, str], list[Rows]] = {}
    for one in entries(root):
        if one.of != "embeddings":
            continue
        try:
            with untrusted(one.path, most=LARGEST_BLOCK, refusal=damaged(one.path)) as content:
                told = json.loads(header_of(content)["__metadata__"]["matalign"])
            if wanted.isdisjoint(told["ids"]):
                continue
            rows = read_rows(one.path, key=one.key)
        except ConfigurationError:
            continue
        made = told["provenance"]
        split = str(made.pop("split", ""))
        names = (made[key] for key in ("model", "hub", "candidate") if key in made)
        found.setdefault((str(next(names, "a factory")), split, key_of(made)), []).append(rows)
    for (model, split, _), blocks in found.items():
        if len({rows.vectors.shape[1] for rows in blocks}) == 1:
            names_ = tuple(name for rows in blocks for name in rows.ids)
            yield Known(
                model, split, "store", names_, np.concatenate([rows.vectors for rows in blocks])
            )
