"""Whether novelty tells held-out samples from perturbed and from foreign ones.

Novelty of samples that the pack does not hold, against its rows of mp-crystals alone: 60 crystals
from the 501st of mp-crystals on, the same rattled, and 60 molecules of qm9 from the 501st on.

    python benchmarks/novelty.py sevennet-0 chgnet-0.3.0
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import mannwhitneyu

from pytest_matalign import load_split
from pytest_matalign.embeddings.novelty import novelty
from pytest_matalign.embeddings.own import own_rows
from pytest_matalign.embeddings.pack_format import decode
from pytest_matalign.embeddings.pack_hub import packs_at_hand

NAMES = ("mp-crystals", "mp-crystals@rattle=0.05", "mp-crystals@rattle=0.2", "qm9")


def main() -> None:
    """Print medians and the chance that a changed sample is newer than a held-out one."""
    (pack,) = packs_at_hand((), root=Path())
    with tempfile.TemporaryDirectory() as folder:
        for model in sys.argv[1:]:
            known = decode(*pack.entry("mp-crystals", model))
            found = {}
            for name in NAMES:
                whole = load_split(name, samples=560)
                part = replace(whole, samples=whole.samples[500:])
                rows = own_rows(model, part, store=Path(folder)).embedding.vectors
                found[name] = novelty(rows, known)
            first = found[NAMES[0]]
            for name, values in found.items():
                newer = mannwhitneyu(values, first).statistic / (len(values) * len(first))
                low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
                print(f"| {model} | {name} | {low:.2f} | {middle:.2f} | {high:.2f} | {newer:.2f} |")


if __name__ == "__main__":
    main()
