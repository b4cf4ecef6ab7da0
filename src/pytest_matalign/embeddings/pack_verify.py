"""Hold a pack against what the installed packages compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pytest_matalign.embeddings.pack_format import decode, sample_digests
from pytest_matalign.errors import ConfigurationError, MatalignError, UnavailableError

if TYPE_CHECKING:
    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.embeddings.pack_format import Entry, Tensors

TOLERANCE = 1e-2
"""Of values, beyond the loss on the entry, as a share of their spread: other processors and
library versions round differently, other weights or samples give something else altogether."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What became of one entry."""

    split: str
    model: str
    # `same`, `DIFFERS`, or `intact` where the model could not be run again here
    outcome: Literal["same", "intact", "DIFFERS"]
    detail: str  # The largest deviation, or why it could not be run


def verify_entry(pack: Pack, split: str, model: str, *, samples: int) -> Verification:
    """Check an entry's file and run its first samples again, where the model is installed.

    Raises:
        ConfigurationError: If the file is refused.
    """
    entry, tensors = pack.entry(split, model)
    try:
        worst = _deviation(entry, tensors, samples)
    except (UnavailableError, _NotRecomputableError) as error:
        return Verification(split=split, model=model, outcome="intact", detail=str(error))
    except MatalignError as error:
        return Verification(split=split, model=model, outcome="DIFFERS", detail=str(error))
    allowed = TOLERANCE + (entry.loss.values if entry.loss else 0.0)
    return Verification(
        split=split,
        model=model,
        outcome="same" if worst <= allowed else "DIFFERS",
        detail=f"largest deviation {worst:.1e} of the spread, {allowed:.1e} allowed",
    )


class _NotRecomputableError(MatalignError):
    """There is nothing to hold the entry against."""


def _deviation(entry: Entry, tensors: Tensors, samples: int) -> float:
    from pytest_matalign.embeddings.extraction import one_thread
    from pytest_matalign.environments.loading import load
    from pytest_matalign.splits.load import load_split
    from pytest_matalign.zoo.catalogue import cards

    if samples < 1:
        raise _NotRecomputableError("not asked to run it")
    if entry.card.id not in cards():
        raise _NotRecomputableError("not a model of the zoo")
    try:
        split = load_split(entry.split, samples=min(samples, len(entry.ids)))
    except ConfigurationError as error:
        raise _NotRecomputableError(str(error)) from None
    own = sample_digests(sample.digest for sample in split.samples)
    if not (tensors["digests"][: len(own)] == own).all():
        raise ConfigurationError("the split now holds other samples")
    accepted = [sample for sample in split.samples if sample.id not in entry.refused]
    if not accepted:
        raise _NotRecomputableError("it refuses the samples chosen")
    model = load(cards()[entry.card.id])
    with one_thread():
        parts = [
            np.asarray(model.embed(accepted[start : start + model.batch_size]), dtype=np.float64)
            for start in range(0, len(accepted), model.batch_size)
        ]
    stored = decode(entry, tensors).astype(np.float64)
    spread = float((stored - stored.mean(axis=0)).std()) or 1.0
    rows = np.concatenate(parts)
    if rows.shape[1] != stored.shape[1]:
        raise ConfigurationError(f"the model now returns width {rows.shape[1]}")
    return float(np.abs(rows - stored[: len(rows)]).max()) / spread
