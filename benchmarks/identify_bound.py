"""How often `matalign identify` names a wrong model, and how often it misses the right one.

Every entry of the bundled pack in turn is a file of rows. Wrong: it is left out of what is known,
and the nearest of the others lies within a bound. Missed: it is stored in half precision, turned
and scaled, and its own entry is not the nearest one, or not within the bound.

    python benchmarks/identify_bound.py [--samples 20 100]
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np

from pytest_matalign.embeddings.pack_format import decode
from pytest_matalign.embeddings.pack_hub import packs_at_hand
from pytest_matalign.verdicts.identify import row_distances

BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2)


def main() -> None:
    """Print a table, and the nearest pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, nargs="+", default=[20, 100])
    known = defaultdict(dict)
    for pack in packs_at_hand((), root=None):
        for split, model in pack:
            entry, tensors = pack.entry(split, model)
            known[split][model] = dict(zip(entry.accepted, decode(entry, tensors), strict=True))
    for n in parser.parse_args().samples:
        _table(known, n)


def _table(known: dict[str, dict[str, dict[str, np.ndarray]]], n: int) -> None:
    nearest, own, wrong_own = [], [], 0
    draws = np.random.default_rng(0)
    for split, models in known.items():
        for model, rows in models.items():
            others = {}
            kept = {name: _changed(row) for name, row in rows.items()}
            rotation = np.linalg.qr(draws.normal(size=(len(next(iter(rows.values()))),) * 2))[0]
            for other, known_rows in models.items():
                ids = [name for name in rows if name in known_rows][:n]
                if len(ids) < n:
                    continue
                theirs = np.stack([known_rows[name] for name in ids]).astype(float)
                mine = np.stack([(rows if other != model else kept)[name] for name in ids])
                mine = mine.astype(float)
                if other == model:
                    mine = 3 * mine @ rotation
                others[other] = float(np.median(row_distances(mine, theirs)))
            itself = others.pop(model)
            own.append(itself)
            if others:
                first = min(others, key=others.__getitem__)
                nearest.append((others[first], split, model, first))
                wrong_own += others[first] < itself
    print(f"\n{n} samples; {len(own)} entries, {len(nearest)} with others on their split")
    for bound in BOUNDS:
        wrong = sum(distance <= bound for distance, *_ in nearest)
        missed = sum(distance > bound for distance in own)
        print(f"  bound {bound:g}: wrong {wrong} of {len(nearest)}, missed {missed} of {len(own)}")
    print(f"  another entry nearer than its own: {wrong_own}; own at most {max(own):.2g}")
    for distance, split, model, first in sorted(nearest)[:12]:
        print(f"  {distance:.3g} {split}: {model} and {first}")


def _changed(row: np.ndarray) -> np.ndarray:
    return row.astype(np.float16) if np.abs(row).max() < 6e4 else row


if __name__ == "__main__":
    main()
