"""The candidate against its own baseline, sample by sample.

In mode `same` the rows must be the same up to rounding, a rotation and a common factor. In mode
`retrained` everything may move, and what is looked for is the exception: a few samples torn from
their neighbourhoods, or a network no nearer to its baseline than an untrained one. Where most
rows are the same although retraining was declared, the rest must be the same too: training moves
every row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pytest_matalign.analysis.shared import profiles, sample_agreement
from pytest_matalign.metrics.arrays import distances, gram
from pytest_matalign.metrics.neighbours import neighbour_weights
from pytest_matalign.metrics.preprocessing import preprocess
from pytest_matalign.verdicts.gate.bounds import TORN
from pytest_matalign.verdicts.gate.finding import SHOWN, Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pytest_matalign.metrics.arrays import Float64

Mode = Literal["same", "retrained"]
NEIGHBOURS = 10
SAME_OVERLAP = 0.98
"""Mean overlap from which rows may be the same in other coordinates, which are then looked for."""
SAME_DISTANCE = 0.05
"""Largest distance a row may move, in units of the median distance between samples."""
FENCE = 3.0
"""Interquartile ranges below the lower quartile where a value is far out (Tukey 1977, 2D)."""
HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SelfCheck:
    """How each sample of the candidate lies against the baseline.

    Attributes:
        overlap: Share (n,) of its nearest neighbours that are the same.
        distance: How far (n,) its row moved, in units of the baseline's median distance.
        agreement: Cosine (n,) of its distances to all others in both, centred.
    """

    overlap: Float64
    distance: Float64
    agreement: Float64

    @property
    def mostly_the_same(self) -> bool:
        """Whether more than half of the rows are the same up to rounding."""
        return float(np.median(self.distance)) <= SAME_DISTANCE

    @property
    def moved(self) -> NDArray[np.intp]:
        """Samples whose rows are not the same, those that moved most first."""
        order = np.argsort(-self.distance, kind="stable")
        moved: NDArray[np.intp] = order[self.distance[order] > SAME_DISTANCE]
        return moved

    @property
    def torn(self) -> NDArray[np.intp]:
        """Samples far out below the others' agreement, and with next to none of their neighbours.

        Fisher's z of the agreement, so that the fence is not bent by its bound at 1.
        """
        z = np.arctanh(np.clip(self.agreement, -1 + 1e-9, 1 - 1e-9))
        low, high = np.quantile(z, [0.25, 0.75])
        out = (z < low - FENCE * (high - low)) & (self.overlap <= 1 / NEIGHBOURS)
        order = np.argsort(self.agreement, kind="stable")
        torn: NDArray[np.intp] = order[out[order]]
        return torn


def compare(candidate: Float64, baseline: Float64) -> SelfCheck:
    """Return how each sample of a candidate (n, d) lies against the baseline (n, d')."""
    unit = [preprocess(rows, "center-l2") for rows in (candidate, baseline)]
    k = min(NEIGHBOURS, len(candidate) - 1)
    first, second = (neighbour_weights(gram(rows), k) for rows in unit)
    overlap = np.minimum(first, second).sum(axis=1) / k
    return SelfCheck(
        overlap=overlap,
        distance=moved_by(candidate, baseline, turned=float(overlap.mean()) >= SAME_OVERLAP),
        agreement=sample_agreement(profiles(unit[0]), profiles(unit[1])),
    )


def moved_by(candidate: Float64, baseline: Float64, *, turned: bool) -> Float64:
    """Return distances (n,) of rows, after the best rotation and factor if asked for and needed.

    In units of the median distance between rows of the baseline.
    """
    typical = float(np.median(distances(baseline)[np.triu_indices(len(baseline), 1)])) or 1.0
    width = max(candidate.shape[1], baseline.shape[1])
    a, b = (np.pad(x, ((0, 0), (0, width - x.shape[1]))) for x in (candidate, baseline))
    direct = _row_lengths(a - b) / typical
    if (direct <= SAME_DISTANCE).all() or not turned:
        return direct
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    u, s, v = np.linalg.svd(a.T @ b)
    fitted = (a @ u) @ v * (s.sum() / max(float((a**2).sum()), 1e-300))
    return np.minimum(direct, _row_lengths(fitted - b) / typical)


def _row_lengths(x: Float64) -> Float64:
    lengths: Float64 = np.sqrt((x**2).sum(axis=1))
    return lengths


def self_check(
    check: SelfCheck,
    *,
    ids: Sequence[str],
    mode: Mode,
    beyond: float,
    expected: float,
) -> Finding:
    """Return what the rows themselves say.

    Args:
        check: Of `compare`.
        ids: Of the samples.
        mode: What the release says of itself.
        beyond: Mean agreement with the baseline once composition and size are projected out.
        expected: The same between the baseline and references of other families, which a
            retrained model must reach by half: untrained networks do not.
    """
    overlap = float(check.overlap.mean())
    figures = {"overlap": overlap, "beyond": beyond, "expected": expected}
    moved = check.moved
    if mode == "same" and len(moved):
        return _finding(
            f"is not the same model: {len(moved)} of {len(ids)} rows moved by more than "
            f"{SAME_DISTANCE:g} of the median distance between samples, and samples keep "
            f"{overlap:.0%} of their neighbours",
            moved,
            ids,
            figures,
        )
    if mode == "retrained" and check.mostly_the_same and len(moved):
        return _finding(
            f"{len(moved)} of {len(ids)} rows moved while most stayed the same; "
            "training moves every row",
            moved,
            ids,
            figures,
        )
    torn = check.torn
    if not check.mostly_the_same and len(torn) > max(1.0, TORN * len(ids)):
        return _finding(
            f"{len(torn)} of {len(ids)} samples are torn from their neighbourhoods",
            torn,
            ids,
            figures,
        )
    if not check.mostly_the_same and beyond < HALF * expected:
        return _finding(
            f"agrees with its own baseline beyond composition and size by {beyond:.2f} only, where "
            f"the baseline agrees with other families by {expected:.2f}: as an untrained network",
            np.array([], dtype=np.intp),
            ids,
            figures,
        )
    why = f"samples keep {overlap:.0%} of their neighbours in the baseline."
    return Finding(check="self-check", verdict="passed", why=why, figures=figures)


def _finding(
    why: str, samples: NDArray[np.intp], ids: Sequence[str], figures: dict[str, float]
) -> Finding:
    return Finding(
        check="self-check",
        verdict="regressed",
        why=f"{why}.",
        samples=tuple(ids[i] for i in samples[:SHOWN]),
        figures={**figures, "samples": float(len(samples))},
    )
