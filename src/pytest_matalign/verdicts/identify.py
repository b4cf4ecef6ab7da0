"""Which known model made these rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pytest_matalign.verdicts.gate.self_check import SAME_DISTANCE, moved_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from pytest_matalign.embeddings.known import Known
    from pytest_matalign.metrics.arrays import Float64

LEAST = 20
"""Samples in common without which nothing is said."""
MOST = 200
"""Samples that are compared; more change no verdict."""
BOUND = SAME_DISTANCE


class Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A known model beside the rows of a file.

    Attributes:
        distance: Median distance of a row from the known one, in median distances between
            samples, after the best rotation and factor.
        moved: How many of the `n` rows lie further off than `BOUND`.
    """

    model: str
    split: str
    origin: str
    n: int
    distance: float
    moved: int


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of a file.

    Attributes:
        model: The nearest, if it lies within the bound; None for none of the known ones.
        nearest: Known models, the nearest first.
        bound: Largest distance at which a model is named.
    """

    model: str | None
    nearest: tuple[Match, ...]
    bound: float = BOUND


def identify(rows: Mapping[str, NDArray[np.float32]], known: Iterable[Known]) -> Identity:
    """Return the known models nearest to rows by sample id, each where it is nearest."""
    best: dict[str, Match] = {}
    for one in known:
        match = _match(rows, one)
        if match and (one.model not in best or match.distance < best[one.model].distance):
            best[one.model] = match
    nearest = tuple(sorted(best.values(), key=lambda match: match.distance))
    within = nearest[0].model if nearest and nearest[0].distance <= BOUND else None
    return Identity(model=within, nearest=nearest)


def _match(rows: Mapping[str, NDArray[np.float32]], known: Known) -> Match | None:
    common = [(place, name) for place, name in enumerate(known.ids) if name in rows][:MOST]
    if len(common) < LEAST:
        return None
    theirs = known.vectors[[place for place, _ in common]].astype(np.float64)
    ours = np.stack([rows[name] for _, name in common]).astype(np.float64)
    distance = row_distances(ours, theirs)
    return Match(
        model=known.model,
        split=known.split,
        origin=known.origin,
        n=len(common),
        distance=float(np.median(distance)),
        moved=int((distance > BOUND).sum()),
    )


def row_distances(a: Float64, b: Float64) -> Float64:
    """Return distances (n,) of rows a (n, d) from b (n, d'), after the best rotation and factor.

    In units of the median distance between rows of b.
    """
    direct = moved_by(a, b, turned=False)
    if (direct <= BOUND).all():
        return direct
    # Coordinates along the samples: as few as there are, and the same up to a rotation.
    least: Float64 = np.minimum(direct, moved_by(_turned(a), _turned(b), turned=True))
    return least


def _turned(x: Float64) -> Float64:
    x = x - x.mean(axis=0)
    if x.shape[1] <= len(x):
        return x
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    turned: Float64 = u * s
    return turned
