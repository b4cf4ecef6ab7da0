"""The floor of a first release: a real model shares more than its own network untrained.

There is no baseline yet. The paired lead of the candidate over untrained networks is held against
their own spread: Student's prediction interval for one more seed, widened by the error over
samples. Without the network itself (a bare file of embeddings) shipped untrained architectures of
its modality stand in. One more of them beats the best of K in about 1 / (K + 1) of cases, so to be
above the best is not enough: a candidate must be where one more lies in one of fifty cases at most.
A lead that may be either is `undecided`, and so is every lead on a split that does not tell its own
references from untrained networks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.verdicts.gate.finding import Finding
from pytest_matalign.verdicts.gate.standing import SEPARATES
from pytest_matalign.verdicts.gate.structure import probe_loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_matalign.analysis.shared import Shared
    from pytest_matalign.verdicts.gate.finding import GateVerdict
    from pytest_matalign.verdicts.gate.judge import Prepared
    from pytest_matalign.verdicts.gate.standing import Standing

LEAST_SEEDS = 4
LEAST_ARCHITECTURES = 8
"""Untrained architectures of other models that a candidate must be above to pass."""
CONFIDENCE = 0.95
ONE_MORE = 0.02
"""Share of further untrained architectures that may pass for a trained model on a split."""
ONE_LINE = (
    'name its network with `untrained = "module:factory"` in [tool.matalign], or accept it as the '
    "first baseline with --matalign-update=all"
)
"""What to do where a first release cannot be told from an untrained network."""


def above_own_untrained(
    candidate: Prepared, untrained: Mapping[str, Sequence[Prepared]]
) -> Finding:
    """Return whether a candidate is surely above its own network untrained.

    One that is surely below is no failure where more can be read off it beyond composition and
    size than off the untrained network: it learned something else than the references did.

    Args:
        candidate: Prepared by the court of its family.
        untrained: Its network with other weights, several seeds per recipe.

    Raises:
        ConfigurationError: A recipe has fewer than four seeds.
    """
    states, figures, words = [], {}, []
    for recipe, seeds in untrained.items():
        if len(seeds) < LEAST_SEEDS:
            raise ConfigurationError(
                f"{len(seeds)} untrained networks ({recipe}) are too few for a prediction "
                f"interval; make {LEAST_SEEDS} or more seeds."
            )
        for i, model in enumerate(candidate.shared):
            low, lead, high = _lead(model, [seed.shared[i] for seed in seeds])
            figures[f"{model.metric}_{recipe}"] = lead
            states.append(_state(low, high))
            words.append(f"{model.metric} {lead:+.3f} [{low:+.3f}, {high:+.3f}] ({recipe})")
    count = ", ".join(f"{len(seeds)} {recipe}" for recipe, seeds in untrained.items())
    whom = f"its own network untrained ({count})"
    if few := candidate.court.too_few_families:
        return _finding("undecided", f"is not judged: {few}; beside", whom, words, figures)
    if "below" in states:
        every = [seed for seeds in untrained.values() for seed in seeds]
        return _below(candidate, every, whom, words, figures)
    if all(state == "above" for state in states):
        return _finding("passed", "is above", whom, words, figures)
    return _finding("undecided", "cannot be told from", whom, words, figures)


def above_other_untrained(
    candidate: Prepared,
    untrained: Mapping[str, tuple[str, Prepared]],
    standings: Sequence[Standing],
) -> Finding:
    """Return whether a candidate is surely above some untrained architectures and one more.

    Args:
        candidate: Prepared by the court of its family.
        untrained: Architecture and rows of untrained networks by name, prepared by the same court.
        standings: Of candidate, references and these networks, by metric.
    """
    count = len({architecture for architecture, _ in untrained.values()})
    if not count:
        return Finding(
            check="floor",
            verdict="undecided",
            why="is not judged: no untrained network of its modality is at hand.",
        )
    states, figures, words, strongest = [], {}, [], []
    for i, (model, standing) in enumerate(zip(candidate.shared, standings, strict=True)):
        best = max(untrained, key=lambda name: untrained[name][1].shared[i].value)
        strongest.append(untrained[best][1])
        value, error = model.minus(untrained[best][1].shared[i])
        half = _quantile() * error
        more = _above_one_more(model, untrained, i) if count >= LEAST_ARCHITECTURES else 0.0
        figures[model.metric] = value
        figures[f"{model.metric}_separation"] = standing.separation
        if standing.separation >= SEPARATES:
            state = _state(value - half, value + half)
            states.append("unsure" if state == "above" and more < 0 else state)
        words.append(
            f"{model.metric} {value:+.3f} [{value - half:+.3f}, {value + half:+.3f}] from {best}"
        )
        if count >= LEAST_ARCHITECTURES:
            words[-1] += f" and at least {more:+.3f} from one more"
    whom = f"the best of {count} untrained architectures"
    few = candidate.court.too_few_families or _no_separation(states, standings)
    if not few and all(state == "below" for state in states):
        return _below(candidate, strongest, whom, words, figures)
    if not few and any(state != "above" for state in states):
        return _finding("undecided", "cannot be told from", whom, words, figures)
    if not few and count >= LEAST_ARCHITECTURES:
        return _finding("passed", "is above", whom, words, figures)
    few = f"{few}; beside" if few else f"fewer than {LEAST_ARCHITECTURES} are too few; it is above"
    return _finding("undecided", f"is not judged: {few}", whom, words, figures)


def _above_one_more(
    model: Shared, untrained: Mapping[str, tuple[str, Prepared]], place: int
) -> float:
    """Lower limit of the lead over one more untrained architecture, each by its best network."""
    best: dict[str, Shared] = {}
    for architecture, network in untrained.values():
        found = network.shared[place]
        if architecture not in best or found.value > best[architecture].value:
            best[architecture] = found
    low, _, _ = _lead(model, list(best.values()), confidence=1 - 2 * ONE_MORE)
    return low


def _no_separation(states: Sequence[str], standings: Sequence[Standing]) -> str:
    if states:
        return ""
    told = ", ".join(f"{standing.separation:.2f}" for standing in standings)
    return (
        f"references stand above untrained networks here in {told} of pairs only, {SEPARATES:g} "
        "are wanted"
    )


def _below(
    candidate: Prepared,
    untrained: Sequence[Prepared],
    whom: str,
    words: list[str],
    figures: dict[str, float],
) -> Finding:
    """What a model surely below is: a failure, unless labels can be read off it surely better."""
    labels = candidate.court.told_beyond
    # What would be lost by putting the untrained network in the candidate's place.
    losses = [probe_loss(one.rows, candidate.rows, labels) for one in untrained]
    if all(loss is not None and loss.low > 0 for loss in losses):
        return _finding("undecided", "tells more of the labels, but is below", whom, words, figures)
    return _finding("failed", "is below", whom, words, figures)


def _lead(
    model: Shared, seeds: Sequence[Shared], *, confidence: float = CONFIDENCE
) -> tuple[float, float, float]:
    """Lower limit, mean and upper limit of the lead over one more like these."""
    from scipy.special import stdtrit

    found = [model.minus(seed) for seed in seeds]
    values = np.array([value for value, _ in found])
    m = len(values)
    sampling = float(np.mean([error**2 for _, error in found]))
    spread = float(values.var(ddof=1)) * (1 + 1 / m)
    half = float(stdtrit(m - 1, 0.5 + confidence / 2)) * float(np.sqrt(spread))
    half = float(np.hypot(half, _quantile(confidence) * np.sqrt(sampling)))
    mean = float(values.mean())
    return mean - half, mean, mean + half


def _quantile(confidence: float = CONFIDENCE) -> float:
    from scipy.special import ndtri

    return float(ndtri(0.5 + confidence / 2))


def _state(low: float, high: float) -> str:
    return "above" if low > 0 else "below" if high < 0 else "unsure"


def _finding(
    verdict: GateVerdict, stands: str, whom: str, words: list[str], figures: dict[str, float]
) -> Finding:
    return Finding(
        check="floor",
        verdict=verdict,
        why=f"{stands} {whom}: {'; '.join(words)}.",
        figures=figures,
    )
