"""How often the gate finds a candidate that has drifted, and how often it cries wolf.

The candidate is CHGNet 0.3.0 with Gaussian noise on its weights (standard deviation: the noise
level times that of each weight tensor); the baseline is CHGNet 0.3.0 itself. Both are real models
run on real crystals. Each repetition draws a subsample of the split, without replacement, and
judges every (reference, metric) of the candidate as `pytest --matalign` does: paired difference,
interval, Benjamini-Hochberg over the family.

    python benchmarks/gate_power.py embed --store DIR     # runs the perturbed models
    python benchmarks/gate_power.py power --store DIR --json power.json

Three false-alarm rates are told. `zero noise` is the candidate equal to the baseline, which must
never alarm. `within tolerance` is any alarm on a comparison whose mean change over all
repetitions is a loss smaller than the tolerance. `at the tolerance` judges each comparison with
the tolerance set to its own mean loss, where a one-sided test of level 2.5 % may alarm in 2.5 % of
cases; it is the hardest case, and says whether the intervals hold what they promise.

Subsamples of a pool of N vary less than fresh samples would, by sqrt(1 - n / N): intervals are
narrowed by as much, without which no false alarm could be seen at n = N / 2.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

LEVELS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
SPLIT = "mp-crystals"
METRICS = (("cknna", 25), ("mutual_knn", 10), ("distance_correlation", None))
REFERENCES = (
    "sevennet-0", "sevennet-0-22may2024", "sevennet-mf-0-pbe", "sevennet-mf-0-r2scan",
    "diep-fold1", "chgnet-0.2.0",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("embed", "power"))
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--pool", type=int, default=1000, help="samples of the split in all")
    parser.add_argument("--n", type=int, nargs="+", default=[100, 250, 500])
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--tolerance", type=float, default=0.02)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.step == "embed":
        embed(options.store, options.pool)
    else:
        result = power(options)
        show(result)
        if options.json:
            options.json.write_text(json.dumps(result, indent=1) + "\n")


def embed(folder: Path, pool: int) -> None:
    """Run CHGNet 0.3.0 at every noise level, and keep its rows."""
    import torch

    from pytest_matalign import load_split
    from pytest_matalign.environments.loading import load
    from pytest_matalign.zoo.catalogue import card

    split = load_split(SPLIT, samples=pool)
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for level in LEVELS:
        path = folder / f"chgnet-0.3.0-noise-{level}.npz"
        if path.exists():
            continue
        model = load(card("chgnet-0.3.0"))
        perturb(network_of(model), level)
        parts = [
            model.embed(split.samples[start : start + model.batch_size])
            for start in range(0, len(split), model.batch_size)
        ]
        np.savez(path, ids=np.array(split.ids), vectors=np.concatenate(parts))
        print(f"noise {level}: {len(split)} crystals", flush=True)


def network_of(model: Any) -> Any:
    """The torch module an adapter holds."""
    import torch

    return next(value for value in vars(model).values() if isinstance(value, torch.nn.Module))


def perturb(network: Any, level: float) -> None:
    """Add Gaussian noise to every weight tensor, scaled to its own spread; always the same."""
    import torch

    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in network.parameters():
            if weights.numel() > 1:
                noise = torch.randn(weights.shape, generator=draw)
                weights.add_(level * weights.std() * noise)


def power(options: argparse.Namespace) -> dict[str, Any]:
    """Verdicts over repeated subsamples, at every noise level and size."""
    import torch

    from pytest_matalign import load_split
    from pytest_matalign.embeddings.embedding import common_ids
    from pytest_matalign.embeddings.pack import bundled_pack

    torch.set_num_threads(1)
    split = load_split(SPLIT, samples=options.pool)
    pack = bundled_pack()
    assert pack is not None, "the references come from the pack that ships"
    found = {name: pack.embedding(name, split) for name in REFERENCES}
    # Only samples that every reference accepts, so that all comparisons are on the same ones.
    common = common_ids(*found.values())
    kept = [split.ids.index(name) for name in common]
    references = {name: embedding.rows(common) for name, embedding in found.items()}
    candidates = {}
    for level in LEVELS:
        with np.load(options.store / f"chgnet-0.3.0-noise-{level}.npz") as file:
            assert tuple(file["ids"]) == split.ids
            candidates[level] = file["vectors"][kept]
    rng = np.random.default_rng(0)
    cells = [
        size_of(n, options, references=references, candidates=candidates, rng=rng)
        for n in options.n
    ]
    return {
        "split": SPLIT,
        "pool": options.pool,
        "repetitions": options.repetitions,
        "tolerance": options.tolerance,
        "references": list(REFERENCES),
        "metrics": [name for name, _ in METRICS],
        "sizes": cells,
    }


def size_of(
    n: int, options: argparse.Namespace, *, references: dict[str, Any],
    candidates: dict[float, Any], rng: np.random.Generator,
) -> dict[str, Any]:  # fmt: skip
    """All levels at one subsample size."""
    from pytest_matalign import assess_difference, metric_spec, prepare

    shrink = float(np.sqrt(1 - n / len(candidates[0.0])))
    specs = [metric_spec(name, k=k) for name, k in METRICS]
    found: dict[float, dict[tuple[str, str], list[Any]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(options.repetitions):
        pool = len(candidates[0.0])
        rows = np.sort(rng.choice(pool, size=n, replace=False))
        partners = {name: prepare(x[rows], specs=specs) for name, x in references.items()}
        models = {level: prepare(x[rows], specs=specs) for level, x in candidates.items()}
        for level, model in models.items():
            for name, partner in partners.items():
                for spec in specs:
                    difference = assess_difference(
                        model, models[0.0], partner, spec, tolerance=options.tolerance
                    )
                    found[level][name, spec.name].append(
                        of_pool(difference, shrink, tolerance=options.tolerance)
                    )
    return {
        "n": n,
        "levels": [level_of(level, found[level], options.tolerance) for level in LEVELS],
    }


def of_pool(difference: Any, shrink: float, *, tolerance: float) -> Any:
    """The difference with the interval of a draw without replacement from a finite pool."""
    import msgspec

    from pytest_matalign.verdicts.expectations import one_sided_p

    half_width = shrink * (difference.high - difference.low) / 2
    return msgspec.structs.replace(
        difference,
        low=difference.value - half_width,
        high=difference.value + half_width,
        p_value=one_sided_p(difference.value + tolerance, half_width=half_width),
    )


def level_of(
    level: float, found: dict[tuple[str, str], list[Any]], tolerance: float
) -> dict[str, Any]:
    """Rates of one noise level: of the gate as a whole, and of single comparisons."""
    from pytest_matalign.verdicts.expectations import one_sided_p

    repetitions = len(next(iter(found.values())))
    true_loss = {key: -float(np.mean([d.value for d in ds])) for key, ds in found.items()}
    verdicts = [
        judged({k: ds[r] for k, ds in found.items()}, tolerance) for r in range(repetitions)
    ]
    within = [key for key, loss in true_loss.items() if loss < tolerance]
    at_tolerance = [
        one_sided_p(d.value + true_loss[key], half_width=(d.high - d.low) / 2) <= 0.025
        for key, ds in found.items()
        for d in ds
        if d.high > d.low
    ]
    flat = [verdict for one in verdicts for verdict in one.values()]
    return {
        "noise": level,
        "gate_regressed": rate(any(v == "regressed" for v in one.values()) for one in verdicts),
        "comparison_regressed": rate(v == "regressed" for v in flat),
        "comparison_unchanged": rate(v == "unchanged" for v in flat),
        "comparison_undecided": rate(v == "undecided" for v in flat),
        "mean_loss": float(np.mean(list(true_loss.values()))),
        "largest_loss": max(true_loss.values()),
        "comparisons_within_tolerance": len(within),
        "false_alarm_gate_within_tolerance": rate(
            any(one[key] == "regressed" for key in within) for one in verdicts
        ),
        "false_alarm_at_the_tolerance": rate(at_tolerance),
    }


def judged(differences: dict[tuple[str, str], Any], tolerance: float) -> dict[Any, str]:
    """Verdicts of one family, by the engine that pytest and the command line use."""
    from pytest_matalign.verdicts.multiplicity import judged_together
    from pytest_matalign.verdicts.regression import judge_difference

    outcomes = judged_together(
        {
            key: judge_difference(d, value=0.0, tolerance=tolerance, higher_is_closer=True)
            for key, d in differences.items()
        }
    )
    return {key: outcome.verdict for key, outcome in outcomes.items()}


def rate(outcomes: Any) -> float:
    """Share of true ones; 0 of none."""
    listed = list(outcomes)
    return float(np.mean(listed)) if listed else 0.0


def show(result: dict[str, Any]) -> None:
    from tabulate import tabulate

    for size in result["sizes"]:
        print(
            f"\nn = {size['n']}, tolerance {result['tolerance']}, {result['repetitions']} repeats"
        )
        rows = [
            [
                f"{one['noise']:g}",
                f"{one['mean_loss']:.4f}",
                f"{one['largest_loss']:.4f}",
                f"{one['gate_regressed']:.2f}",
                f"{one['comparison_regressed']:.2f}",
                f"{one['comparison_undecided']:.2f}",
                f"{one['comparison_unchanged']:.2f}",
                f"{one['false_alarm_gate_within_tolerance']:.3f}",
                f"{one['false_alarm_at_the_tolerance']:.3f}",
            ]
            for one in size["levels"]
        ]
        head = ["noise", "mean loss", "largest", "gate", "regressed", "undecided", "unchanged",
                "false (within)", "false (at)"]  # fmt: skip
        print(tabulate(rows, headers=head, disable_numparse=True))


if __name__ == "__main__":
    main()
