"""The floor of a first release: a real model shares more than its own network untrained.

There is no baseline yet. The paired lead of the candidate over untrained networks is held against
their own spread: Student's prediction interval for one more seed, widened by the error over
samples. Without the network itself (a bare file of embeddings) the highest of shipped untrained
architectures stands in; one more untrained architecture beats the best of K in about 1 / (K + 1)
of cases, which is printed. A lead that may be either is `undecided`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.verdicts.gate.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_matalign.analysis.shared import Shared
    from pytest_matalign.verdicts.gate.judge import Prepared

LEAST_SEEDS = 4
CONFIDENCE = 0.95


def above_own_untrained(
    candidate: Prepared, untrained: Mapping[str, Sequence[Prepared]]
) -> Finding:
    """Return whether a candidate is surely above its own network untrained.

    Args:
        candidate: Prepared by the court of its family.
        untrained: Its network with other weights, several seeds per recipe (`shuffled`, `reset`).

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
    return _finding(states, words, figures, "its own network untrained")


def above_other_untrained(candidate: Prepared, untrained: Mapping[str, Prepared]) -> Finding:
    """Return whether a candidate is surely above each of some untrained architectures.

    Args:
        candidate: Prepared by the court of its family.
        untrained: Untrained networks of other architectures by name, prepared by the same court.

    Raises:
        ConfigurationError: There is none.
    """
    if not untrained:
        raise ConfigurationError("there is no untrained network to hold the candidate against.")
    states, figures, words = [], {}, []
    for i, model in enumerate(candidate.shared):
        best = max(untrained, key=lambda name: untrained[name].shared[i].value)
        value, error = model.minus(untrained[best].shared[i])
        half = _quantile() * error
        figures[model.metric] = value
        states.append(_state(value - half, value + half))
        words.append(f"{model.metric} {value:+.3f} [{value - half:+.3f}, {value + half:+.3f}]")
    whom = (
        f"the best of {len(untrained)} untrained architectures (one more would beat them in one "
        f"of {len(untrained) + 1} cases)"
    )
    return _finding(states, words, figures, whom)


def _lead(model: Shared, seeds: Sequence[Shared]) -> tuple[float, float, float]:
    """Lower limit, mean and upper limit of the lead over one more seed."""
    from scipy.special import stdtrit

    found = [model.minus(seed) for seed in seeds]
    values = np.array([value for value, _ in found])
    m = len(values)
    sampling = float(np.mean([error**2 for _, error in found]))
    spread = float(values.var(ddof=1)) * (1 + 1 / m)
    half = float(stdtrit(m - 1, 0.5 + CONFIDENCE / 2)) * float(np.sqrt(spread))
    half = float(np.hypot(half, _quantile() * np.sqrt(sampling)))
    mean = float(values.mean())
    return mean - half, mean, mean + half


def _quantile() -> float:
    from scipy.special import ndtri

    return float(ndtri(0.5 + CONFIDENCE / 2))


def _state(low: float, high: float) -> str:
    return "above" if low > 0 else "below" if high < 0 else "unsure"


def _finding(states: list[str], words: list[str], figures: dict[str, float], whom: str) -> Finding:
    above = all(state == "above" for state in states)
    below = any(state == "below" for state in states)
    stands = "is above" if above else "is below" if below else "cannot be told from"
    return Finding(
        check="floor",
        verdict="passed" if above else "failed" if below else "undecided",
        why=f"{stands} {whom}: {'; '.join(words)}.",
        figures=figures,
    )
