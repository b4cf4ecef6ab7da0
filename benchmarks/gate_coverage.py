"""Do the intervals of the judged quantity cover? Simulation with everything drawn again.

    python benchmarks/gate_coverage.py --n 200 --draws 400
    python benchmarks/gate_coverage.py --n 200 --draws 400 --populations mp-crystals qm9

In each draw samples are new, covariates are projected out anew by cross-fitting, and a candidate
and a baseline are compared with references. An interval covers when it holds the mean over draws,
the value expected at this n. `se ratio` is the root mean squared reported over the seen standard
deviation. Draws of a split are without replacement from its pack, and errors shrink by
sqrt(1 - n / N). Draw i of a population has the seed (--seed, i) whatever else is asked for, so a
run that was cut goes on: `--keep FOLDER` holds what was drawn, a file a population.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pytest_matalign.analysis.partial import CrossFit, side_by_side
from pytest_matalign.analysis.shared import JUDGED, residual, shared
from pytest_matalign.metrics.spec import MetricSpec, metric_spec

POPULATIONS = ("independent", "correlated", "clusters", "heavy tails", "one direction")
NOISE = (2.0, 4.0, 1.5, 1.5)
"""Of candidate, baseline and both references."""
SPLITS = {
    "mp-crystals": ("chgnet-0.3.0", "chgnet-0.2.0", "sevennet-0", "diep-fold1"),
    "qm9": ("ani-1ccx", "ani-1x", "so3lr", "sevennet-0"),
}
"""Candidate, baseline and references from packs."""

Draw = Callable[[np.random.Generator], tuple[np.ndarray, list[np.ndarray]]]


def seen_of(population: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """What there is to see of n samples: four covariates and six latent properties."""
    seen = rng.normal(size=(n, 10))
    if population == "correlated":
        seen[:, 4:] += seen[:, [0]]
    if population == "clusters":
        seen += 3 * np.random.default_rng(0).normal(size=(8, 10))[rng.integers(8, size=n)]
    if population == "heavy tails":
        seen *= 1 / np.sqrt(rng.chisquare(3, size=(n, 1)) / 3)
    if population == "one direction":
        seen[:, 4] *= 10
    return seen


def simulated(population: str, n: int) -> Draw:
    """Draws covariates and four models of a population without end."""
    fixed = np.random.default_rng(1)
    turns = [fixed.normal(size=(10, 32)) for _ in NOISE]

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
        seen = seen_of(population, n, rng)
        models = [
            seen @ turn + noise * rng.normal(size=(n, 32))
            for turn, noise in zip(turns, NOISE, strict=True)
        ]
        return seen[:, :4], models

    return draw


def of_split(name: str, n: int) -> tuple[Draw, float]:
    """Draws of a pack, and by how much its finite size shrinks errors."""
    from pytest_matalign import load_split
    from pytest_matalign.embeddings.embedding import common_ids
    from pytest_matalign.embeddings.pack import bundled_pack
    from pytest_matalign.zoo.adapters.composition import fractions
    from pytest_matalign.zoo.adapters.size import bumps

    split, pack = load_split(name), bundled_pack()
    assert pack is not None, "models come from the pack that ships"
    found = [pack.embedding(model, split) for model in SPLITS[name]]
    ids = common_ids(*found)
    samples = [sample for sample in split.samples if sample.id in set(ids)]
    blocks = [np.array([of(sample) for sample in samples]) for of in (fractions, bumps)]
    rows = [embedding.rows(ids).astype(np.float64) for embedding in found]

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, list[np.ndarray]]:
        chosen = np.sort(rng.choice(len(ids), size=n, replace=False))
        return side_by_side(*(b[chosen] for b in blocks)), [x[chosen] for x in rows]

    return draw, float(np.sqrt(1 - n / len(ids)))


def drawn(
    draw: Draw, specs: list[MetricSpec], population: str, options: argparse.Namespace
) -> np.ndarray:
    """Values and errors (draws, metrics, value and difference, 2) of a population."""
    file = options.keep and options.keep / f"{population}-{options.n}-{options.seed}.npy"
    held = list(np.load(file)) if file and file.exists() else []
    for i in range(len(held), options.draws):
        covariates, models = draw(np.random.default_rng([options.seed, i]))
        crossfit = CrossFit(covariates)
        left = [residual(x, crossfit, specs) for x in models]
        given = np.full(len(left) - 2, 1 / (len(left) - 2))
        one = np.empty((len(specs), 2, 2))
        for j, spec in enumerate(specs):
            new, old = (shared(x, left[2:], given, spec) for x in left[:2])
            one[j] = (new.value, new.error), new.minus(old)
        held.append(one)
        if file:
            np.save(file, held)
    return np.array(held[: options.draws])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--populations", nargs="+", default=list(POPULATIONS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder of draws; those in it are not remade")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    specs = [metric_spec(name, k=25 if name == "cknna" else None) for name in JUDGED]
    print(f"n = {options.n}, {options.draws} draws, seed {options.seed}, nominal 95 %")
    print("| population | metric | quantity | mean | sd | se ratio | coverage |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for population in options.populations:
        shrink = 1.0
        if population in SPLITS:
            draw, shrink = of_split(population, options.n)
        else:
            draw = simulated(population, options.n)
        found = drawn(draw, specs, population, options)
        for j, spec in enumerate(specs):
            for q, quantity in enumerate(("value", "difference")):
                values, errors = found[:, j, q, 0], shrink * found[:, j, q, 1]
                covered = np.abs(values - values.mean()) <= 1.96 * errors
                ratio = np.sqrt((errors**2).mean()) / values.std(ddof=1)
                print(
                    f"| {population} | {spec.name} | {quantity} | {values.mean():.4f} | "
                    f"{values.std(ddof=1):.4f} | {ratio:.2f} | {covered.mean():.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
