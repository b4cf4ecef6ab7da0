"""Do the intervals of the judged quantity cover? Simulation with everything drawn again.

python benchmarks/gate_coverage.py [SAMPLES [DRAWS]]

In each draw samples are new, covariates are projected out anew by cross-fitting, and a candidate
and a baseline are compared with two references. An interval covers when it holds the mean over
draws; `se ratio` is the mean reported over the seen standard deviation.
"""

from __future__ import annotations

import sys

import numpy as np

from pytest_matalign.analysis.partial import CrossFit
from pytest_matalign.analysis.shared import JUDGED, residual, shared
from pytest_matalign.metrics.spec import metric_spec

POPULATIONS = ("independent", "correlated", "clusters", "heavy tails", "one direction")
NOISE = (2.0, 4.0, 1.5, 1.5)
"""Of candidate, baseline and both references."""


def draw(population: str, n: int, rng: np.random.Generator) -> np.ndarray:
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


def main() -> None:
    n, draws = (int(a) for a in (sys.argv[1:] + ["200", "200"][len(sys.argv) - 1 :]))
    specs = [metric_spec(name, k=25 if name == "cknna" else None) for name in JUDGED]
    given = np.array([0.5, 0.5])
    print(
        "| population | metric | quantity | coverage | se ratio |\n|---|---|---|---|---|",
        flush=True,
    )
    for population in POPULATIONS:
        rng = np.random.default_rng(1)
        turns = [rng.normal(size=(10, 32)) for _ in NOISE]
        found = np.empty((draws, len(specs), 2, 2))
        for i in range(draws):
            seen = draw(population, n, rng)
            crossfit = CrossFit(seen[:, :4])
            left = [
                residual(seen @ turn + noise * rng.normal(size=(n, 32)), crossfit, specs)
                for turn, noise in zip(turns, NOISE, strict=True)
            ]
            for j, spec in enumerate(specs):
                new, old = (shared(x, left[2:], given, spec) for x in left[:2])
                found[i, j] = (new.value, new.error), new.minus(old)
        for j, spec in enumerate(specs):
            for q, quantity in enumerate(("value", "difference")):
                values, errors = found[:, j, q].T
                covered = np.abs(values - values.mean()) <= 1.96 * errors
                ratio = errors.mean() / values.std(ddof=1)
                print(
                    f"| {population} | {spec.name} | {quantity} | {covered.mean():.3f} | "
                    f"{ratio:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
