"""Find again the embeddings a scorecard was made from, among the blocks of a store.

A scorecard carries the digest of every embedding, so blocks need not be asked for by key (which
would need the model's package): whatever hashes to the digest is the embedding.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.embeddings.embedding import Embedding
from pytest_matalign.embeddings.extraction import BLOCK
from pytest_matalign.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.splits import Split


@dataclass(frozen=True, kw_only=True)
class _Block:
    path: Path
    group: str
    """Canonical text of everything that identifies the model."""
    model: str | None
    ids: tuple[str, ...]
    refused: Mapping[str, str]


def find_embeddings(
    scorecard: Scorecard,
    store: Path,
    splits: Mapping[str, Split],
    *,
    packs: Sequence[Pack] = (),
    candidate_file: Path | None = None,
) -> dict[tuple[str, str], Embedding]:
    """Return the embeddings of a scorecard by (split, model), as far as they are at hand.

    Args:
        scorecard: Names the embeddings and gives their digests.
        store: Folder of the embedding store.
        splits: The splits of the scorecard, cut to the size of its run.
        packs: Looked into for what the store does not have.
        candidate_file: The candidate's file of embeddings, if it was one.
    """
    groups: dict[str, dict[frozenset[str], _Block]] = {}
    named: dict[str, str | None] = {}
    for block in _blocks(store):
        covered = frozenset(block.ids) | frozenset(block.refused)
        groups.setdefault(block.group, {})[covered] = block
        named[block.group] = block.model
    found: dict[tuple[str, str], Embedding] = {}
    for record in scorecard.embeddings:
        key = (record.split, record.model)
        if record.digest is None or key in found or record.split not in splits:
            continue
        split = splits[record.split]
        own = candidate_file if record.model == scorecard.candidate else None
        for embedding in chain(
            _from_store(groups, named, split, record.split, record.model),
            _from_packs(packs, split, record.model),
            _from_file(own, split, record.model),
        ):
            if embedding.digest == record.digest:
                found[key] = embedding
                break
    return found


def _from_store(
    groups: Mapping[str, Mapping[frozenset[str], _Block]],
    named: Mapping[str, str | None],
    split: Split,
    split_id: str,
    model: str,
) -> Iterator[Embedding]:
    """Blocks under that name first; a candidate of the host's own has no name in a store."""
    for group in sorted(groups, key=lambda group: named[group] != model):
        if named[group] in (model, None):
            joined = _joined(groups[group], split.ids, split_id, model)
            if joined is not None:
                yield joined


def _from_packs(packs: Iterable[Pack], split: Split, model: str) -> Iterator[Embedding]:
    for pack in packs:
        if (split.card.id, model) in pack:
            try:
                yield pack.embedding(model, split)
            except UnavailableError:
                # Made from other samples than the run's: not what the scorecard speaks of.
                continue


def _from_file(path: Path | None, split: Split, model: str) -> Iterator[Embedding]:
    if path is not None:
        from pytest_matalign.embeddings.files import read_embedding

        try:
            yield read_embedding(path, model=model, split=split.card.id, ids=split.ids)
        except UnavailableError:
            # The file has nothing on this split, which the run has already said.
            return


def _blocks(store: Path) -> Iterator[_Block]:
    from safetensors import SafetensorError, safe_open

    for path in sorted(store.glob("embeddings/*/*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as file:
                entry = json.loads(file.metadata()["matalign"])
        except (SafetensorError, ValueError, KeyError, TypeError, OSError):
            # A damaged block is none; the run that needs it says so and mends it.
            continue
        identity = {name: v for name, v in entry["provenance"].items() if name != "split"}
        yield _Block(
            path=path,
            group=json.dumps(identity, sort_keys=True),
            model=identity.get("model"),
            ids=tuple(entry["ids"]),
            refused=entry["refused"],
        )


def _joined(
    blocks: Mapping[frozenset[str], _Block], ids: Sequence[str], split: str, model: str
) -> Embedding | None:
    from safetensors.numpy import load_file

    wanted = [frozenset(ids[start : start + BLOCK]) for start in range(0, len(ids), BLOCK)]
    if not all(part in blocks for part in wanted):
        return None
    chosen = [blocks[part] for part in wanted]
    rows = [load_file(block.path)["vectors"] for block in chosen if block.ids]
    if not rows or len({part.shape[1] for part in rows}) > 1:
        return None
    return Embedding(
        model=model,
        split=split,
        ids=tuple(name for block in chosen for name in block.ids),
        vectors=np.concatenate(rows),
        refused={name: reason for block in chosen for name, reason in block.refused.items()},
        source="store",
    )
