"""Compare the numbers of two scorecards, field by field.

    python benchmarks/compare_scorecards.py before.json after.json

Prints the largest difference of every number of alignments and dimensions, and how many verdicts
differ; exits with 1 where a value differs by more than 1e-6, or a record is missing on one side.
Reads plain JSON, so that scorecards of different schemas can be compared.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

FIELDS = (
    "estimator",
    "preprocess",
    "value",
    "low",
    "high",
    "null_mean",
    "null_sd",
    "p_value",
    "calibrated",
    "directions",
    "n",
    "k",
)
LIMIT = 1e-6
_KEYS = ("suite", "split", "a", "b", "metric")


def _key(record: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(record.get(name)) for name in _KEYS)


def _records(card: dict[str, Any]) -> dict[str, dict[tuple[str, ...], dict[str, Any]]]:
    """Return records with a metric by kind and key, wherever in the scorecard they stand."""
    found: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {"alignments": {}, "dimensions": {}}
    for record in card.get("alignments", []):
        # Schema 2 keeps the numbers in a struct of their own, schema 1 in the record itself.
        flat = {**record, **(record.get("alignment") or {})}
        measured = flat.get("value") is not None
        found["alignments"][_key(record)] = flat if measured else {"verdict": flat["verdict"]}
    for record in card.get("embeddings", []):
        dimension = record.get("dimension")
        if isinstance(dimension, dict):
            key = tuple(str(record.get(name)) for name in ("suite", "split", "model"))
            found["dimensions"][key] = dimension | {"verdict": record.get("verdict")}
    return found


def _difference(a: Any, b: Any) -> float:
    if a is None and b is None:
        return 0.0
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return max((_difference(x, y) for x, y in zip(a, b, strict=True)), default=0.0)
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return abs(a - b)
    return 0.0 if a == b else float("inf")


def compare(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Print how two scorecards differ; return whether their values agree."""
    agree = True
    left, right = _records(before), _records(after)
    for kind in left:
        a, b = left[kind], right[kind]
        common = a.keys() & b.keys()
        lone = len(a.keys() ^ b.keys())
        agree = agree and not lone and bool(common)
        print(f"{kind}: {len(common)} on both sides, {lone} on one only")
        for name in FIELDS:
            gaps = sorted(
                ((_difference(a[key].get(name), b[key].get(name)), key) for key in common),
                reverse=True,
            )
            if not any(name in a[key] for key in common):
                continue
            above = sum(gap > LIMIT for gap, _ in gaps)
            worst = f"   {' '.join(gaps[0][1])}" if above else ""
            print(f"  {name:12} {gaps[0][0]:.2e}, {above} above {LIMIT:g}{worst}")
            agree = agree and (name != "value" or not above)
        changed = sum(a[key].get("verdict") != b[key].get("verdict") for key in common)
        print(f"  verdicts     {changed} differ")
    return agree


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args()
    cards = [json.loads(path.read_text()) for path in (options.before, options.after)]
    sys.exit(0 if compare(*cards) else 1)


if __name__ == "__main__":
    main()
