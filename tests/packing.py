"""A small real pack: a control embedded on the first molecules of QM9."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pytest_matalign import load_split
from pytest_matalign.embeddings.embedding import Embedding
from pytest_matalign.embeddings.pack import add_entry
from pytest_matalign.embeddings.pack_build import Encoded, encoded
from pytest_matalign.embeddings.pack_format import Encoding
from pytest_matalign.environments.loading import load
from pytest_matalign.splits.split import Split
from pytest_matalign.zoo.adapter import adapter_version
from pytest_matalign.zoo.catalogue import card
from pytest_matalign.zoo.weights.files import weights_digest

SPLIT = load_split("qm9", samples=30)


def embedded(model: str = "composition", *, split: Split = SPLIT, drop: int = 0) -> Embedding:
    """A control on a split, with its first samples refused."""
    rows = np.asarray(load(card(model)).embed(split.samples), dtype=np.float32)
    return Embedding(
        model=model,
        split=split.card.id,
        ids=split.ids[drop:],
        vectors=rows[drop:],
        refused=dict.fromkeys(split.ids[:drop], "too small"),
    )


def stored(
    model: str = "composition",
    *,
    split: Split = SPLIT,
    encoding: Encoding = "float16",
    drop: int = 0,
    vectors: np.ndarray | None = None,
) -> Encoded:
    """An embedding ready to be put into a pack."""
    embedding = embedded(model, split=split, drop=drop)
    if vectors is not None:
        embedding = Embedding(model=model, split="qm9", ids=split.ids, vectors=vectors)
    return encoded(
        embedding,
        card=card(model),
        split=split,
        weights=weights_digest(card(model)),
        adapter_version=adapter_version(card(model)),
        encoding=encoding,
    )


def packed(folder: Path, *models: str, split: Split = SPLIT, drop: int = 0) -> Path:
    """A pack of controls; returns its folder."""
    for model in models or ("composition",):
        one = stored(model, split=split, drop=drop)
        add_entry(folder, one.entry, one.tensors, title="test pack")
    return folder
