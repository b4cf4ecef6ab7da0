"""Rows of many models that exist already, in the store, in packs and in files; none is run."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pytest_matalign.embeddings.embedding import common_ids
from pytest_matalign.embeddings.files import EmbeddingFile
from pytest_matalign.embeddings.obtain import Door, FirstOf, Packed, Stored
from pytest_matalign.embeddings.pack_hub import packs_at_hand
from pytest_matalign.embeddings.store import Store
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.progress import Silent
from pytest_matalign.zoo.catalogue import cards

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.obtain import Source
    from pytest_matalign.splits.split import Split

LEAST_SHARE = 0.5
"""A model with fewer of the samples is left out, or it would cut all others down to its own."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for, in names that mean the same in every process on the same disks."""

    models: tuple[str, ...]  # Ids or patterns; all that there are where empty
    files: Mapping[str, Path]  # Of embeddings, by the name of their model
    packs: tuple[str, ...]  # Asked before the one that ships
    split: str
    samples: int | None  # The first so many; all where None
    store: Path
    here: Path  # Where paths of packs start


def gathered(wanted: Wanted) -> tuple[Split, dict[str, Embedding], dict[str, str]]:
    """Return the split, what there is by model, and of models asked for why there is nothing.

    Raises:
        ConfigurationError: No model matches a pattern, or a file is faulty.
    """
    door = Door(store=Store(wanted.store), progress=lambda **_: Silent())
    split = door.split(wanted.split, samples=wanted.samples)
    found: dict[str, Embedding] = {}
    left_out: dict[str, str] = {}
    for name, source in _sources(wanted, split).items():
        try:
            embedding = door.obtain(source, split)
        except UnavailableError as error:
            if wanted.models:
                left_out[name] = str(error)
            continue
        if len(embedding) < LEAST_SHARE * len(split.samples):
            left_out[name] = f"has {len(embedding)} of {len(split.samples)} samples"
        else:
            found[name] = embedding
    return split, found, left_out


def common(
    found: Mapping[str, Embedding], left_out: Mapping[str, str], split: Split, *, told: bool
) -> tuple[str, ...]:
    """Return the samples that all models have.

    Raises:
        ConfigurationError: Fewer than two models have rows; says why, if `told`.
    """
    if len(found) < 2:
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise ConfigurationError(
            f"only {len(found)} of the models have rows of {split.card.id}, and a comparison takes "
            f"two{f' ({why})' if why and told else ''}; make rows with `matalign embed`."
        )
    return common_ids(*found.values())


def rows_again(
    wanted: Wanted, models: tuple[str, ...], ids: tuple[str, ...]
) -> dict[str, NDArray[np.float32]]:
    """Return the rows (len(ids), d) by model that another process has gathered."""
    _, found, _ = gathered(wanted)
    return {name: found[name].rows(ids) for name in models}


def _sources(wanted: Wanted, split: Split) -> dict[str, Source]:
    """Return where each model's rows may be; nothing is read and no model is run."""
    held = packs_at_hand(wanted.packs, root=wanted.here)
    packed = {model for pack in held for of, model in pack if of == split.card.id}
    known = dict.fromkeys((*cards(), *sorted(packed)))
    for pattern in wanted.models:
        if not any(fnmatchcase(model, pattern) for model in known):
            raise ConfigurationError(
                f"no model matches {pattern!r}; `matalign zoo list` names the models."
            )
    patterns = wanted.models or ("*",)
    chosen = [model for model in known if any(fnmatchcase(model, one) for one in patterns)]
    sources: dict[str, Source] = {
        model: FirstOf(*([Stored(cards()[model])] if model in cards() else []), Packed(model, held))
        for model in chosen
    }
    return sources | {name: EmbeddingFile(name, path) for name, path in wanted.files.items()}
