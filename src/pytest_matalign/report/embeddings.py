"""The embeddings a scorecard was made from, as far as they are still at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_matalign.embeddings.embedding import Embedding
from pytest_matalign.embeddings.obtain import Door, Packed, Recorded, Source
from pytest_matalign.embeddings.pack import Pack
from pytest_matalign.errors import UnavailableError
from pytest_matalign.scorecard.model import Scorecard
from pytest_matalign.splits.split import Split
from pytest_matalign.verdicts.records import EmbeddingRecord

Found = dict[tuple[str, str], "Embedding"]
"""Embeddings by (split, model)."""


def embeddings_of(
    scorecard: Scorecard,
    splits: Mapping[str, Split],
    *,
    door: Door,
    packs: Sequence[Pack] = (),
    own: Source | None = None,
) -> Found:
    """Return the embeddings of a scorecard by (split, model), each of the digest it tells of.

    Args:
        scorecard: Names the embeddings, with their blocks in the store and their digests.
        splits: The splits of the scorecard, cut to the size of its run.
        door: Over the store of the run.
        packs: Asked for what the store has not.
        own: Of the candidate, where it never entered a store: a file.
    """
    found: Found = {}
    for record in scorecard.embeddings:
        key, split = (record.split, record.model), splits.get(record.split)
        if split is None or split.fingerprint != record.fingerprint or key in found:
            continue
        of_file = own if record.model == scorecard.candidate else None
        blocks = scorecard.run.blocks.get(record.digest or "", ())
        for source in _sources(record, blocks, packs, of_file):
            try:
                embedding = door.obtain(source, split)
            except UnavailableError:
                continue
            if embedding.digest == record.digest:
                found[key] = embedding
                break
    return found


def _sources(
    record: EmbeddingRecord, blocks: Sequence[str], packs: Sequence[Pack], own: Source | None
) -> Iterator[Source]:
    if record.digest is None:
        return
    if blocks:
        yield Recorded(record.model, blocks=blocks, digest=record.digest)
        return
    for pack in packs:
        yield Packed(record.model, [pack])
    if own is not None:
        yield own
