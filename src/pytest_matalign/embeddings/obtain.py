"""The one door to embeddings: whoever wants rows names a source and gets them once per process.

A source is anything that has the rows of one model for the samples of a split: a model that is
run (of the zoo, of the host's factory, of the hub), a file, an entry of a pack, or what a record
says of the store. All raise the same errors: `UnavailableError` where the rows cannot be had
here, `ExtractionError` where the model misbehaves, `ConfigurationError` where a file is faulty.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from pytest_matalign.embeddings.extraction import extract, joined, stored, told_of
from pytest_matalign.embeddings.staying import staying
from pytest_matalign.errors import MatalignError, UnavailableError
from pytest_matalign.splits.load import load_split

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.extraction import Loadable, Progress
    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.embeddings.store import Store
    from pytest_matalign.splits.split import Split
    from pytest_matalign.zoo.card import ModelCard


class Source(Protocol):
    """Rows of one model."""

    @property
    def model(self) -> str:
        """Card id, or the candidate's name."""
        ...

    def embedding(self, split: Split, *, store: Store, progress: Progress) -> Embedding:
        """Return the rows of the samples of a split.

        Raises:
            UnavailableError: If they cannot be had here.
            ExtractionError: If the model fails on the split.
            ConfigurationError: If a file is faulty.
        """
        ...


class ProgressLine(Protocol):
    """A `Progress` that is told when nothing more comes, after an error too."""

    def __call__(self, *, done: int, total: int) -> None:
        """`done` of `total` samples are embedded or refused."""
        ...

    def close(self) -> None:
        """Clear the line."""
        ...


class ProgressMaker(Protocol):
    """Makes the progress of one embedding."""

    def __call__(self, *, model: str, split: str) -> ProgressLine:
        """Return the progress of one model on one split."""
        ...


class Door:
    """Splits and embeddings of one process, each obtained once; a failure is remembered too.

    So one broken model is told of once and not once per pair.
    """

    def __init__(self, *, store: Store, progress: ProgressMaker) -> None:
        self.store = store
        self._progress = progress
        self._splits: dict[tuple[str | Path, int | None], Split] = {}
        self._found: dict[tuple[Source, str, str], Embedding | MatalignError] = {}

    def split(self, name: str | Path, *, samples: int | None) -> Split:
        """Return a bundled split by its id, or one by the path of its card, cut to some samples.

        Raises:
            ConfigurationError: If there is none, or it is faulty.
        """
        key = (name, samples)
        if key not in self._splits:
            self._splits[key] = load_split(name, samples=samples)
        return self._splits[key]

    def obtain(self, source: Source, split: Split) -> Embedding:
        """Return the embedding of a split by a source.

        Raises:
            UnavailableError: If it cannot be had here.
            ExtractionError: If the model fails on the split.
            ConfigurationError: If a file is faulty.
        """
        key = (source, split.card.id, split.fingerprint)
        if key not in self._found:
            progress = self._progress(model=source.model, split=split.card.id)
            try:
                with staying(source.model):
                    self._found[key] = source.embedding(split, store=self.store, progress=progress)
            except MatalignError as error:
                self._found[key] = error
            finally:
                progress.close()
        found = self._found[key]
        if isinstance(found, MatalignError):
            raise found
        return found

    def failure(self, source: Source, split: Split) -> MatalignError | None:
        """Return why a source had nothing when it was asked; None if it had, or was not asked."""
        found = self._found.get((source, split.card.id, split.fingerprint))
        return found if isinstance(found, MatalignError) else None


class Extracted:
    """A model that is run for the rows the store does not have."""

    def __init__(self, model: str, open_: Callable[[], Loadable], *, part: str = "") -> None:
        """Take a model not yet opened.

        Args:
            model: Card id, or the candidate's name.
            open_: Makes what can be loaded; called once, and only by a process that embeds,
                because it may import the host's code.
            part: Names the samples where several processes embed different ones at once.
        """
        self.model = model
        self._open, self._part = open_, part

    @cached_property
    def _opened(self) -> Loadable:
        with told_of(self.model, "being made"):
            return self._open()

    def embedding(self, split: Split, *, store: Store, progress: Progress) -> Embedding:
        """Return rows from the store, those it lacks from the model."""
        return extract(
            self._opened,
            split.samples,
            split=split.card.id,
            store=store,
            progress=progress,
            part=self._part,
        )


class Stored:
    """A model of the zoo as far as the store has its rows; it is never run."""

    def __init__(self, card: ModelCard) -> None:
        self.model = card.id
        self._card = card

    def embedding(self, split: Split, *, store: Store, progress: Progress) -> Embedding:  # noqa: ARG002  of the protocol
        """Return rows of the store."""
        from pytest_matalign.embeddings.sources import ZooSource

        found = stored(ZooSource(self._card), split.samples, split=split.card.id, store=store)
        if found is None:
            raise UnavailableError(
                f"the store {store.root} does not have {self.model} on {split.card.id}"
            )
        return found


class Packed:
    """The entry of the first pack that has one which fits."""

    def __init__(
        self,
        model: str,
        packs: Sequence[Pack],
        *,
        weights: str | None = None,
        adapter_version: int | None = None,
    ) -> None:
        """Name an entry.

        Args:
            model: Name of the model in the packs.
            packs: Asked in this order.
            weights: Digest the entry's weights must have; None to take any.
            adapter_version: Version of the adapter that must have made it; None to take any.
        """
        self.model = model
        self._packs, self._weights, self._version = packs, weights, adapter_version

    def embedding(self, split: Split, *, store: Store, progress: Progress) -> Embedding:  # noqa: ARG002  of the protocol
        """Return rows of a pack."""
        reasons = []
        for pack in self._packs:
            if (split.card.id, self.model) in pack:
                try:
                    return pack.embedding(
                        self.model, split, weights=self._weights, adapter_version=self._version
                    )
                except UnavailableError as error:
                    reasons.append(str(error))
        raise UnavailableError(
            "; ".join(reasons) or f"no pack holds {self.model} on {split.card.id}"
        )


class Recorded:
    """Rows a run has put into the store, as its record names them."""

    def __init__(self, model: str, *, blocks: Sequence[str], digest: str) -> None:
        self.model = model
        self._blocks, self._digest = blocks, digest

    def embedding(self, split: Split, *, store: Store, progress: Progress) -> Embedding:  # noqa: ARG002  of the protocol
        """Return rows of the store that are bit for bit those of the run."""
        rows = [found for key in self._blocks if (found := store.read_rows(key)) is not None]
        if rows and len(rows) == len(self._blocks):
            whole = joined(self.model, split.card.id, rows, origin="store", blocks=self._blocks)
            if whole.digest == self._digest:
                return whole
        raise UnavailableError(
            f"the store {store.root} has no {self.model} on {split.card.id} as the run had it"
        )


class FirstOf:
    """The first of several sources of one model that has the rows."""

    def __init__(self, *sources: Source) -> None:
        self.model = sources[0].model
        self._sources = sources

    def embedding(self, split: Split, *, store: Store, progress: Progress) -> Embedding:
        """Return rows of the first source that has them."""
        reasons = []
        for source in self._sources:
            try:
                return source.embedding(split, store=store, progress=progress)
            except UnavailableError as error:
                reasons.append(str(error).removesuffix("."))
        raise UnavailableError("; ".join(reasons))
