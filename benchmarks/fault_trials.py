"""Faults made on purpose, many of them, and what came of them, as a table.

    python benchmarks/fault_trials.py [KIND ...] [--share 1.0] [--seed 0] [--json FILE]

Real processes are killed, real files damaged, real signals sent. The trials are those of
`tests/faults`, whose short form runs in CI; a failure is printed with the seed that makes it
again, and the status is 1. Each kind is kept in the file (`benchmarks/faults.json`, from which the
page *Faults* of the docs is made) when it is done; one that is there of this commit, share and
seed is not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from faults.places import START, host, interrupts, places, run
from faults.reading import readers
from faults.storing import damages, kills, swaps, writers
from faults.tally import KINDS, Tally, apart, plain, read
from faults.working import workers

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
PER_READER = 720
"""Inputs for each of seven forms of file that six readers take."""


def kinds(folder: Path, seed: int) -> dict[str, tuple[int, Callable[[int], Tally]]]:
    """Return every kind of trial: how many make the full form, and what makes so many."""
    status, out = run(host(folder / "made"), START, "gate", "--json", "card.json")
    assert status in (0, 1), out
    scorecard = (folder / "made" / "card.json").read_bytes()
    stores = {
        "kills": (200, kills),
        "writers": (10, writers),
        "damages": (2000, damages),
        "swaps": (1000, swaps),
        "places": (200, places),
        "interrupts": (48, interrupts),
    }
    return {
        **{name: (n, partial(one, folder=folder, seed=seed)) for name, (n, one) in stores.items()},
        "workers": (100, partial(workers, folder=folder)),
        **{
            f"read {name}": (PER_READER, partial(give, start=seed))
            for name, give in readers(folder, scorecard).items()
        },
    }


def main() -> int:
    """Make all trials that are not there yet and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", nargs="*", help="all if none is named")
    parser.add_argument("--share", type=float, default=1.0, help="of the full numbers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=HERE / "faults.json")
    given = parser.parse_args()
    made = {"commit": _commit(), "share": given.share, "seed": given.seed}
    kept = _kept(given.json)
    found: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["MATALIGN_ENVIRONMENT_SPECS"] = str(folder / "specs")
        os.environ["MATALIGN_ENVIRONMENTS"] = str(folder / "environments")
        for kind, (full, trial) in kinds(folder, given.seed).items():
            if given.kind and kind not in given.kind:
                continue
            if {key: kept.get(kind, {}).get(key) for key in made} != made:
                tally = apart(partial(trial, max(1, round(given.share * full))))
                # Read anew: several of these commands may share out the kinds.
                kept = {**_kept(given.json), kind: {**made, **plain(tally)}}
                given.json.write_text(json.dumps(kept, indent=1) + "\n")
            found[kind] = read({k: v for k, v in kept[kind].items() if k not in made})
            print(f"{kind}: {told(found[kind])}", *found[kind].cases, sep="\n", flush=True)
    return 1 if any(tally.found for tally in found.values()) else 0


def _kept(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def told(tally: Tally) -> str:
    """A tally in a line."""
    wrong = ", ".join(f"{tally.found[kind]} {kind}" for kind in KINDS)
    return f"{tally.tried:,} tried, {wrong}, {tally.peak_mb:.0f} MB, {tally.seconds / 60:.1f} min"


def _commit() -> str:
    git = ["git", "-C", str(HERE), "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
