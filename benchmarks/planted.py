"""Synthetic model families whose place is known, to test analyses and to plan sample sizes.

Samples have a composition (fractions of a few of twenty elements), a size, and a structure of
six latent numbers. *Converged* families see composition and structure, each in its own nonlinear
way; an *unshared* family sees composition and six numbers of its own; a *collapsed* family sees
composition and size alone. The label depends on composition and, beyond it, on structure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.analysis.partial import side_by_side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.study.measures.regimes import Regime

ELEMENTS = 20
LATENT = 6
WIDTH = 64
NOISE = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Planted:
    """Synthetic embeddings with the truth about them.

    Attributes:
        embeddings: Arrays (n, 64) by model (controls may be narrower).
        facts: Family and control, by model.
        truth: Regime of each model and control that has one.
        covariates: Composition and size (n, 36).
        labels: (n,).
        errors: Performance by which references are chosen, lower is better.
    """

    embeddings: Mapping[str, Float64]
    facts: Mapping[str, ModelFacts]
    truth: Mapping[str, Regime]
    covariates: Float64
    labels: Float64
    errors: Mapping[str, float]

    @property
    def controls(self) -> tuple[str, ...]:
        """Controls among the models."""
        return tuple(name for name, one in self.facts.items() if not one.pretrained)


def planted_families(n: int, *, strength: float = 0.5, seed: int = 0) -> Planted:
    """Draw synthetic families.

    Args:
        n: Samples.
        strength: Size of the structural (or unshared) part of an embedding beside the part that
            composition decides, as a ratio of standard deviations.
        seed: Of everything.
    """
    rng = np.random.Generator(np.random.PCG64([seed, n]))
    composition = _compositions(n, rng)
    size = _bumps(np.log(rng.integers(2, 30, size=(n, 1)).astype(np.float64)))
    covariates = side_by_side(composition, size)
    structure, own = rng.normal(size=(2, n, LATENT))
    chemistry = _standardised(composition @ rng.normal(size=(ELEMENTS, 8)))
    embeddings: dict[str, Float64] = {}
    truth: dict[str, Regime] = {}
    facts: dict[str, ModelFacts] = {}

    def add(name: str, family: str, regime: Regime, values: Float64, control: str | None) -> None:
        embeddings[name], truth[name] = values, regime
        facts[name] = _facts(name, family, control)

    for family, seen, regime in (
        ("north", structure, "aligned-and-accurate"),
        ("south", structure, "aligned-and-accurate"),
        ("hermit", own, "unshared"),
        ("hollow", None, "collapsed"),
    ):
        for member in ("small", "large"):
            values = _view(chemistry if seen is not None else covariates, seen, strength, rng)
            add(f"{family}-{member}", family, _checked(regime), values, None)
    add("composition", "control", "collapsed", composition, "composition")
    add("size", "control", "collapsed", size, "size")
    add("random", "control", "unshared", rng.normal(size=(n, WIDTH)), "random")
    effect = structure @ rng.normal(size=LATENT) / np.sqrt(LATENT)
    labels = composition @ rng.normal(size=ELEMENTS) + 0.3 * effect + 0.05 * rng.normal(size=n)
    errors = {"north-large": 0.10, "south-large": 0.11, "north-small": 0.14, "south-small": 0.15}
    errors |= {"hermit-large": 0.3, "hermit-small": 0.35, "hollow-large": 0.4, "hollow-small": 0.5}
    return Planted(
        embeddings=embeddings,
        facts=facts,
        truth=truth,
        covariates=covariates,
        labels=labels,
        errors=errors,
    )


def _compositions(n: int, rng: np.random.Generator) -> Float64:
    """Fractions (n, 20): two to four elements a sample."""
    weights = rng.gamma(2.0, size=(n, ELEMENTS))
    ranks = rng.random((n, ELEMENTS)).argsort(axis=1)
    weights[ranks >= rng.integers(2, 5, size=(n, 1))] = 0.0
    fractions: Float64 = weights / weights.sum(axis=1, keepdims=True)
    return fractions


def _bumps(size: Float64) -> Float64:
    """Gaussian bumps (n, 16) along one number, so that neighbours by angle mean something."""
    bumps: Float64 = np.exp(-2 * (size - np.linspace(0.0, 4.0, 16)) ** 2)
    return bumps


def _standardised(x: Float64) -> Float64:
    scaled: Float64 = (x - x.mean(axis=0)) / x.std(axis=0)
    return scaled


def _view(
    base: Float64, seen: Float64 | None, strength: float, rng: np.random.Generator
) -> Float64:
    """A mildly nonlinear random map of what a model sees, of width 64, with a little noise."""
    parts = _standardised(base) @ rng.normal(size=(base.shape[1], WIDTH)) / np.sqrt(base.shape[1])
    if seen is not None:
        parts = parts + strength * seen @ rng.normal(size=(seen.shape[1], WIDTH)) / np.sqrt(LATENT)
    noise = NOISE * (strength if seen is not None else 0.5) * rng.normal(size=parts.shape)
    view: Float64 = np.tanh(0.5 * parts) + noise
    return view


def _facts(name: str, family: str, control: str | None) -> ModelFacts:
    return ModelFacts(
        id=name,
        family=family,
        corpus="none" if control else f"corpus of {family}",
        modality="descriptor" if control else "3d",
        kind="invariant",
        control=control,
    )


def _checked(regime: str) -> Regime:
    known: dict[str, Regime] = {
        "aligned-and-accurate": "aligned-and-accurate",
        "unshared": "unshared",
        "collapsed": "collapsed",
    }
    return known[regime]
