"""How many samples it takes to place planted families in their regimes.

    python benchmarks/planted_truth.py --sizes 500 1000 2000 --strengths 0.5 0.2 0.1 --draws 5

Prints, for each number of samples and each strength of the planted structure beside composition,
the share of models of each planted regime placed in it, placed elsewhere, and left undecided.
Draws that are the same for every machine; a line a configuration as soon as it is done.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

from planted import planted_families
from pytest_matalign import metric_spec
from pytest_matalign.study.measures.regimes import place_models

REGIMES = ("aligned-and-accurate", "unshared", "collapsed")


def outcomes(n: int, strength: float, draws: int) -> dict[str, Counter[str]]:
    """Count right, undecided and wrong placements by planted regime, controls left out."""
    counts: dict[str, Counter[str]] = {regime: Counter() for regime in REGIMES}
    for seed in range(draws):
        planted = planted_families(n, strength=strength, seed=seed)
        found = place_models(
            planted.embeddings,
            planted.facts,
            covariates=planted.covariates,
            labels=planted.labels,
            errors=planted.errors,
            spec=metric_spec("cknna"),
            split="planted",
            controls=planted.controls,
        )
        for one in found:
            if not planted.facts[one.model].pretrained:
                continue
            truth = planted.truth[one.model]
            right = "right" if one.regime == truth else "wrong"
            counts[truth]["undecided" if one.regime == "undecided" else right] += 1
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 1000, 2000])
    parser.add_argument("--strengths", type=float, nargs="+", default=[0.5, 0.2, 0.1])
    parser.add_argument("--draws", type=int, default=5)
    options = parser.parse_args()
    head = " | ".join(f"{regime}: right, undecided, wrong" for regime in REGIMES)
    print(f"| n | strength | draws | {head} | s a draw |")
    print("|" + " --- |" * (4 + len(REGIMES)))
    for n in options.sizes:
        for strength in options.strengths:
            started = time.perf_counter()
            counts = outcomes(n, strength, options.draws)
            seconds = (time.perf_counter() - started) / options.draws
            cells = []
            for regime in REGIMES:
                total = sum(counts[regime].values())
                shares = [counts[regime][k] / total for k in ("right", "undecided", "wrong")]
                cells.append(", ".join(f"{100 * share:.0f} %" for share in shares))
            row = " | ".join(cells)
            print(f"| {n} | {strength:g} | {options.draws} | {row} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
