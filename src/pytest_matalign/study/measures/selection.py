"""Choosing models by alignment: cheap stand-ins for a target, and distinct ones for ensembles."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from pytest_matalign.analysis.interval import Interval
from pytest_matalign.analysis.pairs import PairTable
from pytest_matalign.errors import MetricInputError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo.model import Model


def stand_ins(
    table: PairTable, target: str, cost: Mapping[str, float], *, margin: float
) -> dict[str, Interval]:
    """Return the alignment with a target of the models about as aligned as the most aligned.

    Cheapest first, by seconds a structure. A model is kept unless the interval of (best alignment
    - its own) lies above the margin: what the samples cannot tell apart is not thrown away.

    Args:
        table: A metric whose higher values mean more aligned.
        target: The model to stand in for.
        cost: By model; models without one come last.
        margin: Loss of alignment that is acceptable, in the metric's units.

    Raises:
        MetricInputError: The target is not in the table, or the margin is negative.
    """
    if target not in table.models:
        raise MetricInputError(
            f"there is no model {target!r} in the table; it has {', '.join(table.models)}."
        )
    if margin < 0:
        raise MetricInputError(f"margin is {margin}; give the acceptable loss as 0 or more.")
    found = {m: table.pair(target, m) for m in table.models if m != target}
    best = max(found, key=lambda m: found[m].value)
    near = [m for m in found if table.lead([(target, best)], [(target, m)]).low <= margin]
    return {m: found[m] for m in sorted(near, key=lambda m: cost.get(m, float("inf")))}


def most_distinct(table: PairTable, count: int, *, start: str | None = None) -> tuple[str, ...]:
    """Return models each as little aligned as possible with those before it.

    Greedy: starts from `start` or from the least aligned pair and adds the model whose closest
    chosen neighbour is farthest (Gonzalez 1985), which is within a factor two of the best set.

    Raises:
        MetricInputError: Fewer models than asked for, or fewer than two asked for.
    """
    if not 2 <= count <= len(table.models):
        raise MetricInputError(
            f"{count} distinct models were asked of {len(table.models)}; ask for 2 to all of them."
        )
    sign = 1.0 if table.spec.direction == "higher" else -1.0
    closeness = sign * (table.values + table.values.T) / 2
    np.fill_diagonal(closeness, np.inf)
    if start is None:
        chosen = [int(v) for v in np.unravel_index(int(closeness.argmin()), closeness.shape)]
    else:
        chosen = [table.models.index(start)]
    while len(chosen) < count:
        nearest = closeness[:, chosen].max(axis=1)
        nearest[chosen] = np.inf
        chosen.append(int(nearest.argmin()))
    return tuple(table.models[index] for index in chosen)


def measured_cost(model: Model, samples: Sequence[Sample]) -> float:
    """Return the CPU seconds a sample takes to embed, on one thread, the first batch not counted.

    Time of the processor, not of the clock: a busy machine does not make a model dear.

    Raises:
        MetricInputError: Fewer samples than two batches.
    """
    from pytest_matalign.embeddings.extraction import one_thread

    size = min(model.batch_size, len(samples) // 2)
    if size < 1:
        raise MetricInputError("two samples or more are needed to time a model.")
    rest = samples[size:]
    with one_thread():
        model.embed(samples[:size])
        started = time.process_time()
        for place in range(0, len(rest), size):
            model.embed(rest[place : place + size])
        return (time.process_time() - started) / len(rest)
