"""Do conclusions survive other choices of k, n, preprocessing and samples?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.analysis.correlation import spearman
from pytest_matalign.analysis.pairs import pair_matrix
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.spec import MetricSpec

HALVES = (1, 2, 3)
"""Seeds of random halves of the samples."""
Conclusion = tuple[str, "Callable[[Float64], bool]"]
"""What is concluded, and whether an alignment matrix (models, models) bears it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One other choice and what became of the alignments, where it can be used."""

    choice: str  # What was varied, e.g. `k`
    setting: str  # To what
    n: int  # Samples
    mean: float = math.nan  # Mean alignment over pairs
    order_kept: float = math.nan  # Spearman's correlation with the pairs' default
    conclusions: dict[str, bool] = field(default_factory=dict)  # Whether each conclusion holds
    refused: str = ""  # Why the setting cannot be used, or empty


def vary(
    embeddings: Mapping[str, Float64],
    spec: MetricSpec,
    conclusions: Sequence[Conclusion],
    *,
    ks: Sequence[int] = (),
    sizes: Sequence[int] = (),
    preprocesses: Sequence[str] = ("center-l2", "l2", "center", "none", "max", "prh"),
) -> list[Variation]:
    """Take the alignments again with one choice changed at a time.

    Args:
        embeddings: Arrays (n, d) by model, row i being the same sample in all.
        spec: The default.
        conclusions: What to check each time.
        ks: Other numbers of neighbours.
        sizes: Numbers of samples, the first so many.
        preprocesses: Other preparations of the features.
    """
    arrays = list(embeddings.values())
    default = pair_matrix(arrays, spec)
    found = []
    for one, other, rows in _settings(
        len(arrays[0]), spec, ks=ks, sizes=sizes, preprocesses=preprocesses
    ):
        try:
            matrix = pair_matrix([array[rows] for array in arrays], other)
        except MetricInputError as error:
            found.append(replace(one, refused=str(error)))
            continue
        found.append(
            replace(
                one,
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
) -> Iterator[tuple[Variation, MetricSpec, NDArray[np.intp]]]:
    def one(choice: str, setting: object, rows: NDArray[np.intp]) -> Variation:
        return Variation(choice=choice, setting=str(setting), n=len(rows))

    every: NDArray[np.intp] = np.arange(n, dtype=np.intp)
    for k in ks:
        if k < n:
            yield one("k", k, every), replace(spec, k=k), every
    for size in sizes:
        if size <= n:
            yield one("n", size, every[:size]), spec, every[:size]
    for how in preprocesses:
        yield one("preprocess", how, every), replace(spec, preprocess=how), every
    for seed in HALVES:
        rng = np.random.Generator(np.random.PCG64([seed, n]))
        half = np.sort(rng.choice(n, size=n // 2, replace=False))
        yield one("half", f"seed {seed}", half), spec, half


def _upper(matrix: Float64) -> Float64:
    values: Float64 = ((matrix + matrix.T) / 2)[np.triu_indices(len(matrix), 1)]
    return values
