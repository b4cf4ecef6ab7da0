"""Simulated coverage of the intervals and level of the tests, as a table.

    python benchmarks/coverage.py --n 1000 --repetitions 400

Each repetition draws new samples from one population. An interval covers when it contains the
mean of the metric over all repetitions (its expectation at this n and k). `se ratio` is the mean
reported standard error over the deviation actually seen; `level` is how often p <= 0.05.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np

from pytest_matalign.statistics import (
    Difference,
    Estimate,
    assess,
    assess_difference,
    metric_spec,
    prepare,
)

GATES = ("cknna", "mutual_knn", "distance_correlation", "information_imbalance", "linear_cka")
Z = 1.959963984540054


def _population(kind: str, n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw two views of n samples, and a slightly degraded second view of the same."""
    fixed = np.random.default_rng(20)  # what belongs to the population, not to the draw
    if kind == "independent":
        x, y = rng.normal(size=(n, 16)), rng.normal(size=(n, 24))
        return x, y, y + 0.3 * rng.normal(size=y.shape)
    if kind == "gaussian":
        z, noise = rng.normal(size=(n, 8)), 0.7
    elif kind == "clusters":
        centres = 2.0 * fixed.normal(size=(12, 8))
        z, noise = centres[rng.integers(12, size=n)] + rng.normal(size=(n, 8)), 1.0
    elif kind == "heavy-tailed":
        z, noise = rng.standard_t(3, size=(n, 5)), 0.5
    else:  # close: two models that agree on nearly everything
        z, noise = rng.normal(size=(n, 6)), 0.1
    wide, other = fixed.normal(size=(z.shape[1], 32)), fixed.normal(size=(z.shape[1], 48))
    x = np.tanh(z @ wide / 3) + noise * rng.normal(size=(n, 32))
    y = z @ other / 3 + noise * rng.normal(size=(n, 48))
    return x, y, y + 0.3 * noise * rng.normal(size=y.shape)


POPULATIONS = ("independent", "gaussian", "clusters", "heavy-tailed", "close")


def _error(estimate: Estimate | Difference) -> float:
    return (estimate.high - estimate.low) / 2 / Z


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--metrics", nargs="+", default=list(GATES))
    parser.add_argument("--populations", nargs="+", default=list(POPULATIONS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    specs = [metric_spec(name) for name in options.metrics]
    print(f"n = {options.n}, {options.repetitions} repetitions, nominal 95 %")
    print("| population | metric | mean | sd | se ratio | coverage | difference coverage | level |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in options.populations:
        rng = np.random.default_rng([options.seed, POPULATIONS.index(kind)])
        rows = defaultdict(list)
        for _ in range(options.repetitions):
            x, y, w = (prepare(view, specs=specs) for view in _population(kind, options.n, rng))
            for spec in specs:
                e = assess(x, y, spec)
                d = assess_difference(w, y, x, spec)
                rows[spec.name].append(
                    (
                        e.value,
                        (e.high - e.low) / 2 / Z,
                        d.value,
                        (d.high - d.low) / 2 / Z,
                        e.p_value,
                    )
                )
        for name, values in rows.items():
            value, error, change, change_error, p = np.array(values).T
            covered = np.abs(value - value.mean()) <= Z * error
            change_covered = np.abs(change - change.mean()) <= Z * change_error
            ratio = np.sqrt((error**2).mean()) / value.std()
            level = f"{(p <= 0.05).mean():.3f}" if kind == "independent" else ""
            print(
                f"| {kind} | {name} | {value.mean():.4f} | {value.std():.5f} | {ratio:.2f} | "
                f"{covered.mean():.3f} | {change_covered.mean():.3f} | {level} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
