"""Simulated coverage of the intervals and level of the tests, as a table.

    python benchmarks/interval_coverage.py --n 1000 --repetitions 400

Each repetition draws new samples from one population. An interval covers when it contains the
mean of the metric over all repetitions (its expectation at this n and k). `se ratio` is the mean
reported standard error over the deviation actually seen; `level` is how often p <= 0.05.
`--method jackknife` and `--method subsampling` show the intervals by resampling instead,
`--method replicates` those of the study's tables, which are influences summed over groups.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign import assess, assess_difference, metric_spec, prepare
from pytest_matalign.analysis.pairs import pair_table
from resampling import (
    Interval,
    jackknife_interval,
    subsampling_interval,
)

if TYPE_CHECKING:
    from pytest_matalign.metrics.spec import MetricSpec
    from pytest_matalign.statistics.alignment import Alignment, Difference

GATES = ("cknna", "mutual_knn", "distance_correlation", "information_imbalance", "linear_cka")
Z = 1.959963984540054
T19 = 2.093024054408263


def _replicates(x: np.ndarray, y: np.ndarray, spec: MetricSpec) -> Interval:
    """Return the mean of both directions with the interval of a table of pairs."""
    found = pair_table({"x": x, "y": y}, spec, split="simulated").mean([("x", "y")])
    return Interval(
        value=found.value,
        low=found.low,
        high=found.high,
        confidence=found.confidence,
        standard_error=(found.high - found.low) / 2 / T19,
    )


RESAMPLING = {
    "jackknife": jackknife_interval,
    "subsampling": subsampling_interval,
    "replicates": _replicates,
}


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


def _error(estimate: Alignment | Difference) -> float:
    return (estimate.high - estimate.low) / 2 / Z


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--repetitions", type=int, default=400)
    parser.add_argument("--metrics", nargs="+", default=list(GATES))
    parser.add_argument("--populations", nargs="+", default=list(POPULATIONS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", choices=["assess", *RESAMPLING], default="assess")
    parser.add_argument("--no-differences", action="store_true", help="skip paired differences")
    options = parser.parse_args()
    specs = [metric_spec(name) for name in options.metrics]
    print(f"n = {options.n}, {options.repetitions} repetitions, nominal 95 %")
    print("| population | metric | mean | sd | se ratio | coverage | difference coverage | level |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in options.populations:
        rng = np.random.default_rng([options.seed, POPULATIONS.index(kind)])
        rows = defaultdict(list)
        for _ in range(options.repetitions):
            views = _population(kind, options.n, rng)
            x, y, *more = (
                prepare(view, specs=specs) for view in views[: 2 if options.no_differences else 3]
            )
            for spec in specs:
                if options.method != "assess":
                    drawn = RESAMPLING[options.method](*views[:2], spec)
                    half = Z * drawn.standard_error
                    ends = drawn.value - half, drawn.value + half
                    rows[spec.name].append([drawn.value, drawn.standard_error, 1.0, *ends])
                    continue
                e = assess(x, y, spec)
                row = [e.value, _error(e), e.p_value, e.low, e.high]
                for w in more:
                    d = assess_difference(w, y, x, spec)
                    row += [d.value, _error(d)]
                rows[spec.name].append(row)
        for name, values in rows.items():
            value, error, p, low, high, *change = np.array(values).T
            covered = (low <= value.mean()) & (value.mean() <= high)
            paired = ""
            if change:
                inside = np.abs(change[0] - change[0].mean()) <= Z * change[1]
                paired = f"{inside.mean():.3f}"
            ratio = np.sqrt((error**2).mean()) / value.std()
            tested = kind == "independent" and options.method == "assess"
            level = f"{(p <= 0.05).mean():.3f}" if tested else ""
            print(
                f"| {kind} | {name} | {value.mean():.4f} | {value.std():.5f} | {ratio:.2f} | "
                f"{covered.mean():.3f} | {paired} | {level} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
