"""Mutants that are functions of rows: what a release may do to an embedding, and what is right.

Harmful ones must fail and name what is wrong; harmless ones must pass. Each takes an embedding
(n, d) and a seeded generator and returns another of as many samples; none needs the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

    from pytest_matalign.metrics.arrays import Float64

Right = Literal["fail", "pass"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One known change.

    Attributes:
        name: What is done, in words.
        right: The right verdict.
        change: From rows (n, d) to rows (n, d').
    """

    name: str
    right: Right
    change: Callable[[Float64, Generator], Float64]


def _chosen(n: int, share: float, rng: Generator) -> NDArray[np.intp]:
    return rng.choice(n, size=max(2, round(share * n)), replace=False)


def swapped(x: Float64, rng: Generator, *, share: float) -> Float64:
    """Return rows of which a share went to one another's samples."""
    chosen, changed = _chosen(len(x), share, rng), x.copy()
    changed[chosen] = x[np.roll(chosen, 1)]
    return changed


def zeroed(x: Float64, rng: Generator, *, share: float) -> Float64:
    """Return rows of which a share is zero."""
    changed = x.copy()
    changed[_chosen(len(x), share, rng)] = 0.0
    return changed


def repeated(x: Float64, rng: Generator, *, share: float) -> Float64:
    """Return rows of which a share is one and the same."""
    chosen, changed = _chosen(len(x), share, rng), x.copy()
    changed[chosen] = x[chosen[0]]
    return changed


def shuffled_within(x: Float64, rng: Generator, *, members: NDArray[np.intp]) -> Float64:
    """Return rows with those of a group shuffled among its samples, none left in its place."""
    changed, order = x.copy(), rng.permutation(members)
    changed[order] = x[np.roll(order, 1)]
    return changed


def noise_within(x: Float64, rng: Generator, *, members: NDArray[np.intp]) -> Float64:
    """Return rows with those of a group replaced by noise of its own mean and spread."""
    changed, own = x.copy(), x[members]
    changed[members] = own.mean(axis=0) + own.std(axis=0) * rng.normal(size=own.shape)
    return changed


def noisy(x: Float64, rng: Generator, *, level: float) -> Float64:
    """Return rows with normal noise, as a share of each feature's deviation."""
    noise: Float64 = level * x.std(axis=0) * rng.normal(size=x.shape)
    return x + noise


def collapsed(x: Float64, rng: Generator, *, rank: int) -> Float64:
    """Return rows of which only the leading principal components are left."""
    del rng
    mean = x.mean(axis=0)
    u, s, v = np.linalg.svd(x - mean, full_matrices=False)
    left: Float64 = mean + (u[:, :rank] * s[:rank]) @ v[:rank]
    return left


def norms_randomised(x: Float64, rng: Generator) -> Float64:
    """Return rows about their mean with lengths multiplied by log-normal factors."""
    mean = x.mean(axis=0)
    drawn: Float64 = mean + (x - mean) * np.exp(rng.normal(size=(len(x), 1)))
    return drawn


def norms_lost(x: Float64, rng: Generator) -> Float64:
    """Return rows about their mean, all of one length."""
    del rng
    mean = x.mean(axis=0)
    lengths = np.sqrt(((x - mean) ** 2).sum(axis=1, keepdims=True))
    unit: Float64 = mean + (x - mean) / np.maximum(lengths, 1e-300) * np.median(lengths)
    return unit


def block_rescaled(x: Float64, rng: Generator, *, factor: float) -> Float64:
    """Return rows with an eighth of the features multiplied, as by one layer's scale."""
    changed = x.copy()
    columns = rng.choice(x.shape[1], size=max(1, x.shape[1] // 8), replace=False)
    changed[:, columns] *= factor
    return changed


def half_silent(x: Float64, rng: Generator) -> Float64:
    """Return rows with half of the features zero."""
    changed = x.copy()
    changed[:, rng.choice(x.shape[1], size=x.shape[1] // 2, replace=False)] = 0.0
    return changed


def half_width(x: Float64, rng: Generator) -> Float64:
    """Return rows with half of the features gone."""
    kept = np.sort(rng.choice(x.shape[1], size=(x.shape[1] + 1) // 2, replace=False))
    return x[:, kept]


def in_float16(x: Float64, rng: Generator) -> Float64:
    """Return rows rounded to half precision, scaled into its range."""
    del rng
    scale = float(np.abs(x).max()) or 1.0
    rounded: Float64 = (x / scale).astype(np.float16).astype(np.float64) * scale
    return rounded


def in_bfloat16(x: Float64, rng: Generator) -> Float64:
    """Return rows with eight bits of mantissa, rounded to nearest."""
    del rng
    mantissa, exponent = np.frexp(x)
    rounded: Float64 = np.ldexp(np.round(mantissa * 256) / 256, exponent)
    return rounded


def rounding(x: Float64, rng: Generator) -> Float64:
    """Return rows with relative noise of 1e-5, as of another machine."""
    noise: Float64 = x * (1 + 1e-5 * rng.normal(size=x.shape))
    return noise


def rotated(x: Float64, rng: Generator) -> Float64:
    """Return rows in other coordinates: a random rotation or reflection."""
    turn, _ = np.linalg.qr(rng.normal(size=(x.shape[1], x.shape[1])))
    turned: Float64 = x @ turn
    return turned


def permuted(x: Float64, rng: Generator) -> Float64:
    """Return rows with their features in another order."""
    return x[:, rng.permutation(x.shape[1])]


def rescaled(x: Float64, rng: Generator) -> Float64:
    """Return rows in another unit."""
    return x * float(np.exp(rng.normal()))


def mutants() -> tuple[Mutant, ...]:
    """Return the changes that need to know nothing of the samples."""

    def bound(function: Callable[..., Float64], **options: float) -> Callable[..., Float64]:
        return lambda x, rng: function(x, rng, **options)

    harmful = [
        *(
            (f"{round(100 * s)} % of rows swapped", bound(swapped, share=s))
            for s in (0.01, 0.02, 0.05)
        ),
        *(
            (f"{round(100 * s)} % of rows zeroed", bound(zeroed, share=s))
            for s in (0.01, 0.02, 0.05)
        ),
        *(
            (f"{round(100 * s)} % of rows repeated", bound(repeated, share=s))
            for s in (0.01, 0.02, 0.05)
        ),
        *((f"collapse to {r} components", bound(collapsed, rank=r)) for r in (1, 3, 10)),
        ("noise of 10 % of the spread", bound(noisy, level=0.1)),
        ("noise of 20 % of the spread", bound(noisy, level=0.2)),
        ("row norms randomised", norms_randomised),
        ("row norms lost", norms_lost),
        ("an eighth of the features x 10", bound(block_rescaled, factor=10.0)),
        ("half of the features silent", half_silent),
        ("half of the features gone", half_width),
    ]
    harmless = [
        ("identical rows", lambda x, rng: x.copy()),  # noqa: ARG005  the others draw
        ("float16", in_float16),
        ("bfloat16", in_bfloat16),
        ("relative noise of 1e-5", rounding),
        ("rotation of the features", rotated),
        ("permutation of the features", permuted),
        ("common scaling", rescaled),
    ]
    return (
        *(Mutant(name=name, right="fail", change=change) for name, change in harmful),
        *(Mutant(name=name, right="pass", change=change) for name, change in harmless),
    )


def group_mutants(groups: Mapping[str, NDArray[np.intp]]) -> tuple[Mutant, ...]:
    """Return the changes of one group of samples each; all of them must fail."""

    def bound(
        function: Callable[..., Float64], members: NDArray[np.intp]
    ) -> Callable[..., Float64]:
        return lambda x, rng: function(x, rng, members=members)

    return tuple(
        Mutant(name=f"{group}: {what}", right="fail", change=bound(function, members))
        for group, members in groups.items()
        for what, function in (("rows shuffled", shuffled_within), ("rows noise", noise_within))
    )
