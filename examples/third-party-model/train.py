"""Train the network on molecules of QM9 that ship with pytest-matalign; a minute on one core.

Prints the error on 200 molecules it has not seen, which is what the card states. Needs torch.
"""

from __future__ import annotations

import sys

import numpy as np
import torch
from tiny_gap.network import WEIGHTS, WIDTH, inputs

from pytest_matalign import load_split

TRAINED = 800
STEPS = 1500


def main() -> None:
    """Train, print the error on unseen molecules, and write the weights."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    samples = load_split("qm9").samples
    rows = [torch.tensor(inputs(sample.atoms)) for sample in samples]
    owner = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor([len(r) for r in rows]))
    counts = torch.bincount(owner).double()
    features = torch.cat(rows)
    gaps = torch.tensor([float(sample.labels["gap_Ha"]) for sample in samples]).double()
    network = torch.nn.Sequential(
        torch.nn.Linear(features.shape[1], WIDTH), torch.nn.Tanh(),
        torch.nn.Linear(WIDTH, WIDTH), torch.nn.Tanh(), torch.nn.Linear(WIDTH, 1),
    ).double()  # fmt: skip
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    seen = owner < TRAINED

    def predicted(which: torch.Tensor) -> torch.Tensor:
        sums = torch.zeros(len(rows)).double()
        sums = sums.index_add(0, owner[which], network(features[which])[:, 0])
        return sums / counts

    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = ((predicted(seen)[:TRAINED] - gaps[:TRAINED]) ** 2).mean()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        error = (predicted(~seen)[TRAINED:] - gaps[TRAINED:]).abs().mean().item()
    plain = (gaps[TRAINED:] - gaps[:TRAINED].mean()).abs().mean().item()
    sys.stdout.write(f"mean absolute error {error:.4f} Ha; of the mean {plain:.4f} Ha\n")
    layers = [network[0], network[2], network[4]]
    arrays = {}
    for number, layer in enumerate(layers, start=1):
        arrays[f"w{number}"] = layer.weight.detach().numpy().T.astype(np.float32)
        arrays[f"b{number}"] = layer.bias.detach().numpy().astype(np.float32)
    np.savez(WEIGHTS, **arrays)


if __name__ == "__main__":
    main()
