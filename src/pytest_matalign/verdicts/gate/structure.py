"""Shared structure and the label probe: alignment alone may move, both together regress.

Alignment with references is not accuracy: a better model may agree less with weaker ones. A sure
loss of it is therefore `moved`; it is `regressed` when what can be read off the embedding fell
too; where no label can be read off surely, when both judged metrics fell; and whatever the probe
leaves open, when more than half of what was shared is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pytest_matalign.analysis.interval import Interval, ratio_interval
from pytest_matalign.analysis.probes import probe
from pytest_matalign.verdicts.gate.finding import Finding, GateVerdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_matalign.analysis.shared import Shared
    from pytest_matalign.metrics.arrays import Float64

TOLERANCE = 0.05
"""Loss that is always accepted, as a share of what the baseline has beyond chance."""
HALF = 0.5
LEAST_LABELS = 40
CONFIDENCE = 0.95

State = Literal["kept", "fell", "unsure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a candidate lost of one quantity, in the quantity's own unit."""

    name: str  # Of the quantity
    value: float  # Baseline minus candidate
    low: float  # Lower end of its interval
    high: float  # Upper end
    had: float  # What the baseline had beyond chance
    tolerance: float  # Loss that is accepted

    @property
    def state(self) -> State:
        """Whether it fell by more than is accepted, surely."""
        if self.low > self.tolerance:
            return "fell"
        return "kept" if self.high <= self.tolerance else "unsure"

    @property
    def halved(self) -> bool:
        """Whether it fell surely, and more than half is gone as far as can be told."""
        return self.state == "fell" and self.value > HALF * self.had


def shared_loss(
    candidate: Shared, baseline: Shared, *, chance: float, tests: int, band: float = 0.0
) -> Loss:
    """Return the loss of one judged metric.

    Args:
        candidate: Its mean partial alignment.
        baseline: The same of the baseline, on the same samples and references.
        chance: What rows unrelated to the references would reach on average.
        tests: Metrics judged together (Bonferroni).
        band: Largest fall of the value between registered seeds of one model; no smaller loss
            counts.
    """
    from scipy.special import ndtri

    difference, error = candidate.minus(baseline)
    half = float(ndtri(1 - (1 - CONFIDENCE) / (2 * tests))) * error
    had = baseline.value - chance
    return Loss(
        name=candidate.metric,
        value=-difference,
        low=-difference - half,
        high=-difference + half,
        had=had,
        tolerance=max(TOLERANCE * max(had, 0.0), band),
    )


def probe_loss(candidate: Float64, baseline: Float64, labels: Mapping[str, Float64]) -> Loss | None:
    """Return the loss in reading off labels (n,), averaged over those the baseline tells.

    Give labels less what composition and size tell of them (`Court.told_beyond`): most of a label
    such as a total energy is composition, which untrained networks tell as well as any.

    Paired over samples: squared errors of both ridge probes in units of each label's variance.
    Labels that the baseline's own probe does not tell surely are left out; None if none is left.
    """
    gains, explained, counts = np.zeros(len(candidate)), [], np.zeros(len(candidate))
    for values in labels.values():
        known = np.isfinite(values)
        y = values[known]
        if len(y) < LEAST_LABELS or (y == y[0]).all():
            continue
        old = probe(baseline[known], y)
        if not old.score.above_zero:
            continue
        new = probe(candidate[known], y)
        loss = (y - new.predicted) ** 2 - (y - old.predicted) ** 2
        gains[known] += loss / float(((y - y.mean()) ** 2).mean())
        counts[known] += 1
        explained.append(old.score.value)
    if not explained:
        return None
    used = counts > 0
    found: Interval = ratio_interval(gains[used], counts[used], confidence=CONFIDENCE)
    had = float(np.mean(explained))
    return Loss(
        name="labels",
        value=found.value,
        low=found.low,
        high=found.high,
        had=had,
        tolerance=TOLERANCE * had,
    )


def structure(losses: Sequence[Loss], labels: Loss | None) -> Finding:
    """Return what the losses of shared structure and of the label probe say together."""
    fell = [loss for loss in losses if loss.state == "fell"]
    unsure = any(loss.state == "unsure" for loss in losses)
    figures = {f"{loss.name}_loss": loss.value for loss in losses}
    figures |= {f"{loss.name}_had": loss.had for loss in losses}
    figures |= {f"{loss.name}_tolerance": loss.tolerance for loss in losses}
    told = ""
    if labels is not None:
        figures |= {"labels_loss": labels.value, "labels_had": labels.had}
        told = f"; labels: {_words(labels)}"
    why = "; ".join(_words(loss) for loss in (fell or losses)) + told + "."
    return Finding(
        check="structure",
        verdict=_verdict(
            fell=bool(fell),
            wholly=len(fell) == len(losses),
            unsure=unsure,
            halved=any(loss.halved for loss in losses),
            labels=labels,
        ),
        why=why,
        figures=figures,
    )


def _verdict(
    *, fell: bool, wholly: bool, unsure: bool, halved: bool, labels: Loss | None
) -> GateVerdict:
    if labels is None:
        if halved or wholly:
            return "regressed"
        return "moved" if fell else "undecided" if unsure else "passed"
    if labels.state == "fell":
        return "regressed" if fell or labels.halved else "undecided" if unsure else "moved"
    if labels.state == "unsure":
        return "regressed" if halved else "moved" if fell else "undecided" if unsure else "passed"
    return "moved" if fell else "passed"


def _words(loss: Loss) -> str:
    return (
        f"{loss.name} changed by {-loss.value:+.3f} [{-loss.high:+.3f}, {-loss.low:+.3f}] "
        f"of {loss.had:.3f} beyond chance"
    )
