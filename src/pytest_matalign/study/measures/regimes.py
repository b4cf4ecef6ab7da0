"""The two regimes of the paper, made testable: which models converge, wander off, or collapse.

Three measured quantities place a model on one split:

- how much of its embedding composition and size do not explain (`beyond`),
- how much more of what is left it shares with a reference than any control does (`shared`),
- how much better a label can be read off it than off any control (`useful`).

A model is *aligned and accurate* where the last two are surely positive, and *aligned* where the
split has no label. Where it shares nothing, it is *collapsed* if what is left cannot be told from
the remainder that a random network of composition and size leaves on the same samples (collapsed
by construction). If it is surely more, it is *private* where the label shows that there is
structure in it, and *unshared* where it may as well be noise. Whatever the intervals cannot tell
is *undecided*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.analysis.interval import Interval
from pytest_matalign.analysis.pairs import PairTable, pair_table
from pytest_matalign.analysis.partial import CrossFit, project_out, side_by_side
from pytest_matalign.analysis.probes import Probe, advantage, probe
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.preprocessing import preprocess
from pytest_matalign.metrics.spec import MetricSpec

Regime = Literal["aligned-and-accurate", "aligned", "private", "unshared", "collapsed", "undecided"]

NOTHING_BEYOND = 0.05
"""Share of an embedding's variance below which it is composition and size and nothing else, unless
that little is surely shared with the best unrelated model."""
LITTLE_SHARED = 0.1
"""Lead in partial alignment that must be excluded before a model counts as sharing nothing."""
NULL_NETWORKS = 5
NULL_WIDTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where one model stands on one split."""

    model: str  # Card id
    regime: Regime  # See the module
    reference: str  # The best performer among models of other families
    beyond: Interval  # Share of the embedding's variance that composition and size do not predict
    shared: Interval  # Partial alignment with the reference less the best control's
    # Share of the label's variance explained less the best control's; None where the split has no
    # label
    useful: Interval | None
    threshold: float  # What of `beyond` a network of composition and size alone may show
    n: int  # Samples


def place_models(
    embeddings: Mapping[str, Float64],
    facts: Mapping[str, ModelFacts],
    *,
    covariates: Float64,
    labels: Float64 | None,
    errors: Mapping[str, float],
    spec: MetricSpec,
    split: str,
    controls: Sequence[str],
) -> list[Placement]:
    """Place every embedding, the controls too, in one of the regimes.

    Args:
        embeddings: Arrays (n, d) by model, row i being the same sample in all.
        facts: Families, by model.
        covariates: Composition and size (n, c), projected out.
        labels: (n,) a property to read off, NaN where unknown; None if there is none. What
            the covariates predict of it is taken off first.
        errors: Performance of the pretrained models (lower is better); chooses the references.
        spec: Metric of partial alignment, higher meaning more aligned.
        split: Id to remember.
        controls: Models among `embeddings` that must be beaten, by themselves too: no control
            is ever aligned and accurate.

    Raises:
        MetricInputError: Too few samples, or no reference of another family for a model.
    """
    crossfit = CrossFit(covariates)
    left = project_out(embeddings, crossfit)
    # An embedding that its covariates predict without remainder has only rounding left.
    left = {m: x if np.abs(x).max() > 1e-9 else _noise(x) for m, x in left.items()}
    table = pair_table(left, spec, split=split)
    threshold = collapse_threshold(covariates, crossfit)
    probes = _probes(embeddings, labels, crossfit) if labels is not None else {}
    found = []
    for model, x in embeddings.items():
        reference = reference_for(model, errors, facts)
        # A control is the bar itself: its lead is at most nothing.
        rivals = [c for c in controls if c != reference]
        beyond = _beyond(crossfit, x)
        shared = _over_controls(table, model, reference, rivals)
        useful = _useful(probes, model, rivals) if probes else None
        found.append(
            Placement(
                model=model,
                regime=classify(beyond=beyond, shared=shared, useful=useful, threshold=threshold),
                reference=reference,
                beyond=beyond,
                shared=shared,
                useful=useful,
                threshold=threshold,
                n=table.n,
            )
        )
    return found


def classify(
    *, beyond: Interval, shared: Interval, useful: Interval | None, threshold: float
) -> Regime:
    """Return the regime that the quantities of a `Placement` speak for."""
    told = useful is not None and useful.above_zero
    if shared.above_zero:
        if useful is None:
            return "aligned"
        return "aligned-and-accurate" if told else "undecided"
    if beyond.high < NOTHING_BEYOND or (shared.high <= LITTLE_SHARED and beyond.high <= threshold):
        return "collapsed"
    if shared.high > LITTLE_SHARED or beyond.low <= threshold:
        return "undecided"
    return "private" if told else "unshared"


def collapse_threshold(covariates: Float64, crossfit: CrossFit) -> float:
    """Return the most that networks of the covariates alone seem to carry beyond them.

    A rough function of composition is not wholly predicted from a few hundred samples. How much
    is left of networks with one hidden layer of random weights, on these covariates and this
    many samples, is what must be exceeded before a model counts as carrying more.
    """
    used = side_by_side(covariates)
    rng = np.random.Generator(np.random.PCG64([0, len(used)]))
    found = []
    for _ in range(NULL_NETWORKS):
        first = rng.normal(size=(used.shape[1], NULL_WIDTH))
        second = rng.normal(size=(NULL_WIDTH, NULL_WIDTH)) / np.sqrt(NULL_WIDTH)
        found.append(_beyond(crossfit, np.tanh(np.tanh(used @ first) @ second)).high)
    return max(found)


def reference_for(model: str, errors: Mapping[str, float], facts: Mapping[str, ModelFacts]) -> str:
    """Return the best performer that is no relative of a model.

    Raises:
        MetricInputError: There is none.
    """
    unrelated = {
        other: error
        for other, error in errors.items()
        if facts[other].pretrained and other != model and facts[other].family != facts[model].family
    }
    if not unrelated:
        raise MetricInputError(
            f"{model} has no reference: every model with a known performance is of its family."
        )
    return min(unrelated, key=lambda other: unrelated[other])


def _beyond(crossfit: CrossFit, x: Float64) -> Interval:
    explained = crossfit.explained(preprocess(x, "center-l2"))
    return Interval(value=1 - explained.value, low=1 - explained.high, high=1 - explained.low)


def _over_controls(
    table: PairTable, model: str, reference: str, controls: Sequence[str]
) -> Interval:
    row, column = table.models.index(model), table.models.index(reference)
    rivals = [table.models.index(control) for control in controls]

    def lead(matrix: Float64) -> float:
        best = float(matrix[rivals, column].max()) if rivals else 0.0
        return float(matrix[row, column]) - max(best, 0.0)

    return table.statistic(lead)


def _probes(
    embeddings: Mapping[str, Float64], labels: Float64, crossfit: CrossFit
) -> dict[str, Probe]:
    known, left = crossfit.label_residuals(labels)
    return {m: probe(x[known], left) for m, x in embeddings.items()}


def _useful(probes: Mapping[str, Probe], model: str, controls: Sequence[str]) -> Interval:
    if not controls:
        return probes[model].score
    best = max(controls, key=lambda control: probes[control].score.value)
    if probes[best].score.value <= 0:
        return probes[model].score
    return advantage(probes[model], probes[best])


def _noise(x: Float64) -> Float64:
    drawn: Float64 = np.random.Generator(np.random.PCG64(0)).standard_normal(x.shape)
    return drawn
