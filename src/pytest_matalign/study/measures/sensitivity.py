"""Do conclusions survive other choices of k, n, preprocessing and samples?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.analysis.correlation import spearman
from pytest_matalign.analysis.pairs import pair_matrix
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.spec import MetricSpec, metric_spec

Conclusion = tuple[str, "Callable[[Float64], bool]"]
"""What is concluded, and whether an alignment matrix (models, models) bears it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One other choice and what became of the alignments."""

    choice: str  # What was varied, e.g. `k`.
    setting: str  # To what
    n: int  # Samples
    mean: float  # Mean alignment over pairs
    # Spearman's correlation of the pairs' alignments with those of the default; NaN where the
    # setting cannot be used
    order_kept: float
    # Whether each conclusion holds; empty where the setting cannot be used
    conclusions: dict[str, bool]
    refused: str = ""  # Why the setting cannot be used, or empty


def vary(
    embeddings: Mapping[str, Float64],
    spec: MetricSpec,
    conclusions: Sequence[Conclusion],
    *,
    ks: Sequence[int] = (),
    sizes: Sequence[int] = (),
    preprocesses: Sequence[str] = ("center-l2", "l2", "center", "none", "max", "prh"),
    seeds: Sequence[int] = (1, 2, 3),
) -> list[Variation]:
    """Take the alignments again with one choice changed at a time.

    Args:
        embeddings: Arrays (n, d) by model, row i being the same sample in all.
        spec: The default.
        conclusions: What to check each time.
        ks: Other numbers of neighbours.
        sizes: Numbers of samples, the first so many.
        preprocesses: Other preparations of the features.
        seeds: Of random halves of the samples.
    """
    arrays = list(embeddings.values())
    default = pair_matrix(arrays, spec)
    found = []
    for choice, setting, other, rows in _settings(
        len(arrays[0]), spec, ks=ks, sizes=sizes, preprocesses=preprocesses, seeds=seeds
    ):
        blank = Variation(
            choice=choice,
            setting=setting,
            n=len(rows),
            mean=float("nan"),
            order_kept=float("nan"),
            conclusions={},
        )
        try:
            matrix = pair_matrix([array[rows] for array in arrays], other)
        except MetricInputError as error:
            found.append(_with(blank, refused=str(error)))
            continue
        found.append(
            _with(
                blank,
                mean=float(_upper(matrix).mean()),
                order_kept=spearman(_upper(default), _upper(matrix)),
                conclusions={name: bool(holds(matrix)) for name, holds in conclusions},
            )
        )
    return found


def survivors(variations: Sequence[Variation]) -> dict[str, tuple[int, int]]:
    """Return, by conclusion, in how many of how many usable settings it holds."""
    usable = [one for one in variations if one.conclusions]
    names = usable[0].conclusions if usable else {}
    return {name: (sum(one.conclusions[name] for one in usable), len(usable)) for name in names}


def _settings(
    n: int,
    spec: MetricSpec,
    *,
    ks: Sequence[int],
    sizes: Sequence[int],
    preprocesses: Sequence[str],
    seeds: Sequence[int],
) -> Iterator[tuple[str, str, MetricSpec, NDArray[np.intp]]]:
    every: NDArray[np.intp] = np.arange(n, dtype=np.intp)
    for k in ks:
        if k < n:
            other = metric_spec(spec.name, k=k, preprocess=spec.preprocess)
            yield "k", str(k), other, every
    for size in sizes:
        if size <= n:
            yield "n", str(size), spec, every[:size]
    for how in preprocesses:
        yield "preprocess", how, metric_spec(spec.name, k=spec.k, preprocess=how), every
    for seed in seeds:
        rng = np.random.Generator(np.random.PCG64([seed, n]))
        yield "half", f"seed {seed}", spec, np.sort(rng.choice(n, size=n // 2, replace=False))


def _upper(matrix: Float64) -> Float64:
    values: Float64 = ((matrix + matrix.T) / 2)[np.triu_indices(len(matrix), 1)]
    return values


def _with(one: Variation, **changes: object) -> Variation:
    from dataclasses import replace

    return replace(one, **changes)  # type: ignore[arg-type]  # field by field, checked by tests
