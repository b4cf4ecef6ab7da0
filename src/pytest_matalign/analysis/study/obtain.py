"""Where a study's embeddings come from: the store, packages and packs that pytest uses too."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_matalign.embeddings.references import References
from pytest_matalign.errors import MatalignError
from pytest_matalign.splits import load_split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.extraction import Progress
    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.embeddings.store import Store
    from pytest_matalign.splits import Split
    from pytest_matalign.suites import SuiteSplit
    from pytest_matalign.zoo.card import ModelCard


class Embeddings:
    """Embeddings of zoo models on splits, each obtained once."""

    def __init__(
        self, *, cards: Mapping[str, ModelCard], store: Store, packs: Sequence[Pack] = ()
    ) -> None:
        self.cards, self.store = cards, store
        self._references = References(policy="auto", packs=packs, store=store)
        self._splits: dict[SuiteSplit, Split] = {}

    def split(self, wanted: SuiteSplit) -> Split:
        """The samples of a split."""
        if wanted not in self._splits:
            self._splits[wanted] = load_split(wanted.file or wanted.id, samples=wanted.samples)
        return self._splits[wanted]

    def embedding(self, model: str, wanted: SuiteSplit) -> Embedding:
        """The embedding of one model on one split.

        Raises:
            UnavailableError: If the model cannot be had here.
            ExtractionError: If the model fails on the split.
        """
        return self._references.obtain(
            self.cards[model], self.split(wanted), progress=_progress(model, wanted.id)
        )


def _progress(model: str, split: str) -> Progress:
    def tell(*, done: int, total: int) -> None:
        if done >= total:
            sys.stderr.write(f"embedded {split} by {model}\n")

    return tell


def fill_store(root: Path, models: Sequence[str], wanted: Sequence[SuiteSplit]) -> list[str]:
    """Embed splits by models into a store; what a worker process of a study is asked to do.

    Returns:
        What could not be embedded, and why; the study itself meets the same and reports it.
    """
    from pytest_matalign.embeddings.store import Store
    from pytest_matalign.zoo.registry import cards

    source = Embeddings(cards=cards(), store=Store(root))
    failed = []
    for model in models:
        for split in wanted:
            try:
                source.embedding(model, split)
            except MatalignError as error:
                failed.append(f"{model} on {split.id}: {error}")
    return failed
