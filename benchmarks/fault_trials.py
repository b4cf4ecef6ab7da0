"""Faults made on purpose, many of them, and what came of them, as a table.

    python benchmarks/fault_trials.py [--share 1.0] [--seed 0]

Real processes are killed, real files damaged, real signals sent. The trials are those of
`tests/faults`, whose short form runs in CI; a failure is printed with the seed that makes it
again, and the status is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from faults.places import START, host, interrupts, places, run
from faults.reading import fuzz
from faults.storing import damages, kills, writers
from faults.tally import Tally, table
from faults.working import workers

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> int:
    """Make all trials and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", type=float, default=1.0, help="of the full numbers")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["MATALIGN_ENVIRONMENT_SPECS"] = str(folder / "specs")
        os.environ["MATALIGN_ENVIRONMENTS"] = str(folder / "environments")
        status, out = run(host(folder / "made"), START, "gate", "--json", "card.json")
        assert status in (0, 1), out
        scorecard = (folder / "made" / "card.json").read_bytes()
        seed = given.seed
        trials: list[tuple[int, Callable[[int], Tally]]] = [
            (200, lambda n: kills(n, folder, seed=seed)),
            (10, lambda n: writers(n, folder, seed=seed)),
            (2000, lambda n: damages(n, folder, seed=seed)),
            (200, lambda n: places(n, folder, seed=seed)),
            (5040, lambda n: fuzz(n, folder, scorecard, start=seed)),
            (50, lambda n: workers(n, folder)),
            (48, lambda n: interrupts(n, folder, seed=seed)),
        ]
        tallies = []
        for full, trial in trials:
            tallies.append(trial(max(1, round(given.share * full))))
            sys.stderr.write(f"{table(tallies[-1:]).splitlines()[-1]}\n")
    print(table(tallies))
    for tally in tallies:
        print(*tally.cases, sep="\n", end="\n" if tally.cases else "")
    return 1 if any(tally.found for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
