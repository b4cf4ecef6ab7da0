"""Rows of the bundled models' networks untrained or damaged, for `gate_bank.py --untrained`.

python benchmarks/untrained_rows.py FOLDER MODEL:SPLIT:SAMPLES:SEEDS ...

Recipes: `shuffled` (entries of each parameter permuted), `reset` (each module's own
initialisation, what has none shuffled), `flipped` (the signs of 5 % of the weights of one layer).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from pytest_matalign import load_split
from pytest_matalign.environments.loading import load
from pytest_matalign.zoo.catalogue import cards
from pytest_matalign.zoo.quiet import quiet
from pytest_matalign.zoo.untrained import networks, untrain


def flip(network: torch.nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    large = [p for _, p in sorted(network.named_parameters()) if p.numel() >= 1000]
    parameter = large[int(torch.randint(len(large), (1,), generator=generator))]
    signs = 1 - 2 * (torch.rand(parameter.shape, generator=generator) < 0.05).to(parameter.dtype)
    parameter.mul_(signs)


RECIPES = ("shuffled", "reset", "flipped")


def main() -> None:
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for wanted in sys.argv[2:]:
        model, split, samples, seeds = wanted.split(":")
        for recipe in RECIPES:
            for seed in range(1, int(seeds) + 1):
                path = folder / f"{split}--{model}--{recipe}{seed}.npz"
                if not path.exists():
                    write(path, model=model, split=split, samples=int(samples))


def write(path: Path, *, model: str, split: str, samples: int) -> None:
    recipe, seed = path.stem.split("--")[-1][:-1], int(path.stem[-1])
    with quiet():
        network = load(cards()[model])
    if recipe == "flipped":
        with torch.no_grad():
            for module in networks(network):
                flip(module, seed)
    else:
        untrain(network, recipe, seed)
    todo = [s for s in load_split(split, samples=samples).samples if network.refuse(s) is None]
    step = getattr(network, "batch_size", 10)
    with quiet():
        parts = [network.embed(todo[i : i + step]) for i in range(0, len(todo), step)]
    rows = np.concatenate(parts)
    if not np.isfinite(rows).all():
        print(path.stem, "is not finite and is left out", flush=True)
        return
    np.savez(path, ids=np.array([sample.id for sample in todo]), vectors=rows)
    print(path.stem, rows.shape, flush=True)


if __name__ == "__main__":
    main()
