"""Whether two ways of running one model give the same: row by row, energy by energy.

Nothing here is an estimate over samples: each sample is held against itself, so one that moved is
enough for `differs`, and the verdict is about these samples only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from pytest_matalign.verdicts.gate.finding import SHOWN
from pytest_matalign.verdicts.gate.self_check import SAME_DISTANCE, compare, moved_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pytest_matalign.metrics.arrays import Float64

ChannelName = Literal["rows", "energy", "forces"]
Sameness = Literal["same", "differs", "undecided"]
UNITS = {"rows": "of the median distance between samples", "energy": "eV/atom", "forces": "eV/Å"}
LIMITS: dict[ChannelName, float] = {"rows": SAME_DISTANCE, "energy": 1e-3, "forces": 1e-2}
"""Energies decide between phases that lie some meV per atom apart, and relaxations end where
forces are some hundredths of eV/Å; rounding in single precision is a thousandth of either."""
LEAST = 3
"""Samples without which there is no median distance between samples."""
FORCES = 10
"""Times the limit that the largest force has to be, for its fault to show."""


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far one sample moved, or for forces one atom, `id:number`."""

    id: str
    distance: float


class Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both ways gave of one quantity.

    Attributes:
        name: Of the quantity.
        n: Samples, or for forces atoms.
        largest: Distance of the one that moved most, in `unit`.
        p99: 99th percentile of the distances.
        limit: Largest distance that counts as none.
        moved: How many moved by more.
        kept: Mean share of nearest neighbours that are the same; of rows only.
        worst: Those that moved most.
        verdict: Of this channel.
        why: What decided, beside the figures.
    """

    name: ChannelName
    n: int
    largest: float
    p99: float
    limit: float
    unit: str
    moved: int
    kept: float | None = None
    worst: tuple[Sample, ...]
    verdict: Sameness
    why: str = ""


class Comparison(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The verdict on two ways.

    Attributes:
        verdict: The worst of the channels.
        refused: Reason by sample that only one of the two took.
    """

    a: str
    b: str
    split: str
    verdict: Sameness
    why: str
    channels: tuple[Channel, ...]
    refused: dict[str, str] = {}


def rows_channel(a: Float64, b: Float64, *, ids: Sequence[str], limit: float) -> Channel:
    """Hold rows (n, d) of the first way against rows (n, d') of the second."""
    if len(ids) < LEAST:
        few = f"{len(ids)} samples are common, and {LEAST} are needed"
        return _channel("rows", np.zeros(0), ids=(), limit=limit, doubt=few)
    check = compare(b, a)
    straight = moved_by(b, a, turned=False)
    turned = (straight > limit).any() and (check.distance <= limit).all()
    found = _channel("rows", check.distance, ids=ids, limit=limit)
    return msgspec.structs.replace(
        found,
        kept=float(check.overlap.mean()),
        why="the rows are the same in other coordinates, turned or scaled" if turned else "",
    )


def energy_channel(a: Float64, b: Float64, *, ids: Sequence[str], limit: float) -> Channel:
    """Hold energies per atom (n, 1), in eV, against each other."""
    return _channel("energy", np.abs(a - b)[:, 0], ids=ids, limit=limit)


def forces_channel(a: Float64, b: Float64, *, ids: Sequence[str], limit: float) -> Channel:
    """Hold forces on atoms (n, 3), in eV/Å, against each other."""
    largest = float(np.linalg.norm(a, axis=1).max(initial=0))
    doubt = (
        f"no force is above {largest:.2g} eV/Å, so that a fault would hardly show; take structures "
        "out of equilibrium, such as --split mp-crystals@rattle=0.1"
    )
    return _channel(
        "forces",
        np.linalg.norm(a - b, axis=1),
        ids=ids,
        limit=limit,
        doubt=doubt if largest < FORCES * limit else "",
    )


def _channel(
    name: ChannelName,
    distance: NDArray[np.float64],
    *,
    ids: Sequence[str],
    limit: float,
    doubt: str = "",
) -> Channel:
    order = np.argsort(-distance, kind="stable")
    moved = int((distance > limit).sum())
    verdict: Sameness = "differs" if moved else "undecided" if doubt or not len(ids) else "same"
    return Channel(
        name=name,
        n=len(ids),
        largest=float(distance.max(initial=0)),
        p99=float(np.quantile(distance, 0.99)) if len(ids) else 0.0,
        limit=limit,
        unit=UNITS[name],
        moved=moved,
        worst=tuple(Sample(id=ids[i], distance=float(distance[i])) for i in order[:SHOWN]),
        verdict=verdict,
        why=doubt if verdict == "undecided" else "",
    )


def comparison(
    channels: Sequence[Channel],
    *,
    a: str,
    b: str,
    split: str,
    refused: Mapping[str, str],
) -> Comparison:
    """Return what the channels say together."""
    order: tuple[Sameness, ...] = ("differs", "undecided", "same")
    worst = min(channels, key=lambda channel: order.index(channel.verdict))
    if refused:
        one, reason = next(iter(refused.items()))
        why = f"{len(refused)} samples are taken by one of the two only, first {one}: {reason}"
        verdict: Sameness = "differs"
    else:
        verdict, why = worst.verdict, _told(worst)
    return Comparison(
        a=a, b=b, split=split, verdict=verdict, why=f"{why}.",
        channels=tuple(channels), refused=dict(refused),
    )  # fmt: skip


def _told(worst: Channel) -> str:
    what = "atoms" if worst.name == "forces" else "samples"
    figure = f"largest {worst.largest:.2g} {worst.unit}, limit {worst.limit:g}"
    kept = "" if worst.kept is None else f", {worst.kept:.1%} of neighbours kept"
    if worst.verdict == "differs":
        named = ", ".join(one.id for one in worst.worst[:3])
        return f"{worst.moved} of {worst.n} {what} moved in {worst.name} ({figure}{kept}): {named}"
    if worst.verdict == "undecided":
        return worst.why or f"no {what} are common"
    more = f"; {worst.why}" if worst.why else ""
    return f"none of {worst.n} {what} moved in {worst.name} ({figure}{kept}){more}"
