"""Rows of a user's own samples."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytest_matalign.cache import cache_root
from pytest_matalign.embeddings.novelty import Novelty, novelty, pack_rows
from pytest_matalign.embeddings.obtain import Door
from pytest_matalign.embeddings.pack_hub import packs_at_hand
from pytest_matalign.embeddings.store import Store
from pytest_matalign.embeddings.way import way_of
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.progress import embedding_line
from pytest_matalign.splits.own import OwnSamples, own_samples
from pytest_matalign.splits.split import Split
from pytest_matalign.zoo.catalogue import cards
from pytest_matalign.zoo.view import is_of_atoms, with_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.splits.sample import Input
    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.view import Rows

Per = Literal["sample", "atom"]
Pool = Literal["mean", "sum", "none"]


@dataclass(frozen=True, kw_only=True)
class OwnRows:
    """What became of a user's samples."""

    embedding: Embedding  # What could not be read counts as refused, too
    split: Split  # What could be read
    card: ModelCard  # Of the model and these rows of it

    @cached_property
    def known(self) -> Novelty | None:
        """How new the samples are to the model, where packs hold rows of it."""
        # A view, or a file of weights, is none of the cards of the zoo.
        if cards().get(self.card.id) is not self.card or not len(self.embedding):
            return None
        reference, splits = pack_rows(self.card, packs_at_hand((), root=Path()))
        values = novelty(self.embedding.vectors, reference)
        return None if values is None else Novelty(values=values, splits=splits)

    @property
    def of_atoms(self) -> bool:
        """Whether rows are of atoms and not of samples."""
        return is_of_atoms(self.card)


def embed(
    model: str,
    samples: str | Path | Sequence[Atoms | str],
    *,
    per: Per = "sample",
    layer: str | None = None,
    pool: Pool = "mean",
    input: Input | None = None,  # noqa: A002  as it is called in [tool.matalign]
    store: Path | None = None,
    allow_pickle: bool = False,
) -> Embedding:
    """Return the rows of your own samples by a model, with their ids.

    What is in the store is not computed again, and an interrupted call goes on where it was.

    Args:
        model: Id of the zoo, `package.module:factory`, `family:checkpoint.file`, or
            `hf:org/name@<40-hex commit>`.
        samples: A file (extended XYZ, CIF, POSCAR, CSV or SMI of SMILES, FASTA, PDB, mmCIF), a
            folder of such files, structures of ASE, or strings.
        per: A row per sample, or per atom; rows of atoms are called `id:0`, `id:1`, …
        layer: Name of an inner layer, where the adapter offers them; the one on the card if None.
        pool: How a sample's atoms make its row; `none` is the same as `per="atom"`.
        input: What a factory reads; what the samples offer if that is one thing.
        store: Folder of the store; the user's cache if None.
        allow_pickle: Whether weights may be read that can run code when they are read.

    Returns:
        `vectors` [rows, width], their `ids`, and by id why other samples were `refused`.

    Raises:
        ConfigurationError: The model or the file is not what it should be.
        UnavailableError: The model cannot be loaded here, or does not offer these rows.
        ExtractionError: The model fails.
    """
    return own_rows(
        model,
        samples,
        rows=rows_of(per, pool),
        layer=layer,
        form=input,
        store=store,
        allow_pickle=allow_pickle,
    ).embedding


def own_rows(
    model: str,
    samples: str | Path | Sequence[Atoms | str] | Split,
    *,
    rows: Rows = "mean",
    layer: str | None = None,
    form: Input | None = None,
    key: str | None = None,
    store: Path | None = None,
    allow_pickle: bool = False,
) -> OwnRows:
    """Do as `embed`, of a split too, with ids from another `key`, and return what else is known."""
    if isinstance(samples, Split):
        given = OwnSamples(split=samples, unread={})
    else:
        given = own_samples(samples, form=form or _text_of(model), key=key)
    forms = given.split.card.inputs
    way = way_of(
        model,
        form=form or (forms[0] if len(forms) == 1 else None),
        root=Path.cwd(),
        run_id=uuid.uuid4().hex,
        allow_pickle=allow_pickle,
    )
    door = Door(store=Store(store or cache_root()), progress=embedding_line)
    found = door.obtain(way.source(rows, layer), given.split)
    whole = replace(found, refused={**given.unread, **found.refused})
    card = with_view(way.card, rows, layer)
    return OwnRows(embedding=whole, split=given.split, card=card)


def _text_of(model: str) -> Input:
    """Return what strings are to a model."""
    card = cards().get(model)
    return "sequence" if card and "sequence" in card.inputs else "smiles"


def rows_of(per: Per, pool: Pool) -> Rows:
    """Return what a row is.

    Raises:
        ConfigurationError: If both are given and contradict each other.
    """
    if per == "sample" and pool != "none":
        return pool
    if pool == "sum":
        raise ConfigurationError("A row per atom is not pooled; leave out the sum.")
    return "atoms"
