"""Real retrained seeds through the gate: how often it cries wolf over a whole run.

    python benchmarks/gate_seeds.py --lines seeds.jsonl
    python benchmarks/gate_seeds.py --simulated 200

The embeddings of ANI and ADMET-AI in the bundled packs are those of an ensemble's members side by
side, and members are what a second seed is: one architecture and one body of data, trained apart.
A run has one member for its baseline, another for the candidate, and as many others as `--seeds`
registered. It fails where the judgement on any split fails. Harm on top of a member (a lost group)
is to be found all the same. `--simulated` draws seeds of crystals, of which no packs hold members:
each a turned copy of a model's rows with noise of its own, of a tenth of the spread.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from gate_bank import Bank, Ground, interval

from pytest_matalign.mutants.rows import group_mutants, noisy, rotated, rounding
from pytest_matalign.verdicts.gate.judge import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.verdicts.gate.judge import Prepared

MEMBERS = {
    "ani-1x": 8,
    "ani-1ccx": 8,
    "admet-ai-regression": 5,
    "admet-ai-classification": 5,
}
SPLITS = {"qm9": 200, "ccd-ligands": 100}
CRYSTALS = {"mp-crystals": 150, "mp-perturbed": 150, "core-mofs": 100}
SEED_NOISE = 0.1
FAILS = {"regressed", "failed"}


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: a baseline, a candidate and registered seeds, and the verdict on each split."""

    model: str
    what: str
    baseline: str
    candidate: str
    verdicts: dict[str, str]
    why: dict[str, str]

    @property
    def failed(self) -> bool:
        return bool(FAILS & set(self.verdicts.values()))


class Seeds:
    """All members of the ensembles on one split, prepared by the court of their family."""

    def __init__(self, split: str, samples: int) -> None:
        self.ground = Ground(split, samples, None)
        self.bank = Bank(self.ground, before=False)
        self._prepared: dict[tuple[str, int], Prepared] = {}

    def rows(self, model: str, member: int) -> Float64:
        whole = self.ground.rows[model]
        width = whole.shape[1] // MEMBERS[model]
        return whole[:, member * width : (member + 1) * width]

    def prepared(self, model: str, member: int) -> Prepared:
        key = model, member
        if key not in self._prepared:
            court = self.ground.court(self.ground.family(model))
            self._prepared[key] = court.prepare(self.rows(model, member))
        return self._prepared[key]


def members(grounds: dict[str, Seeds], model: str, *, seeds: int) -> Iterator[Run]:
    """Every ordered pair of members, with and without registered seeds, and with lost groups."""
    for old, new in permutations(range(MEMBERS[model]), 2):
        rng = np.random.default_rng([old, new])
        others = [i for i in range(MEMBERS[model]) if i not in (old, new)]
        drawn = rng.choice(others, size=min(seeds, len(others)), replace=False)
        held = {s: g for s, g in grounds.items() if model in g.ground.rows}
        found = defaultdict(dict)
        for split, ground in held.items():
            baseline, candidate = ground.prepared(model, old), ground.prepared(model, new)
            band = [ground.prepared(model, int(i)) for i in drawn]
            found["another seed"][split] = judge(candidate, baseline)
            found[f"another seed, {len(band)} registered"][split] = judge(
                candidate, baseline, seeds=band
            )
            groups = dict(list(ground.bank.drawn_groups(model).items())[:2])
            for mutant in group_mutants(groups):
                changed = mutant.change(ground.rows(model, new), rng)
                what = f"another seed, and on {split} one group's {mutant.name.split(': ')[-1]}"
                lost = baseline.court.prepare(changed)
                found[f"{what} ({mutant.name.split(': ')[0]})"][split] = judge(lost, baseline)
        for what, judged in found.items():
            yield Run(
                model=model,
                what=what.split(" (")[0],
                baseline=str(old),
                candidate=str(new),
                verdicts={split: one.verdict for split, one in judged.items()},
                why={split: one.why for split, one in judged.items()},
            )


def simulated(runs: int) -> Iterator[Run]:
    """Runs on three splits of crystals: the same model elsewhere, and a seed within the band."""
    grounds = {split: Ground(split, n, None) for split, n in CRYSTALS.items()}
    models = sorted(set.intersection(*(set(g.trained) for g in grounds.values())))
    baselines: dict[tuple[str, str], Prepared] = {}
    bands: dict[tuple[str, str], list[Prepared]] = {}
    for i in range(runs):
        model, rng = models[i % len(models)], np.random.default_rng([7, i])
        elsewhere, seed = {}, {}
        for split, ground in grounds.items():
            court, key = ground.court(ground.family(model)), (split, model)
            rows = ground.rows[model]

            def drawn(rows: Float64 = rows, rng: np.random.Generator = rng) -> Float64:
                return rotated(noisy(rows, rng, level=SEED_NOISE), rng)

            if key not in baselines:
                baselines[key] = court.prepare(rows)
                bands[key] = [court.prepare(drawn()) for _ in range(3)]
            elsewhere[split] = judge(court.prepare(rounding(rows, rng)), baselines[key])
            seed[split] = judge(court.prepare(drawn()), baselines[key], seeds=bands[key])
        for what, judged in (("the same rows, rounded elsewhere", elsewhere), ("seed", seed)):
            yield Run(
                model=model,
                what=what,
                baseline="-",
                candidate=str(i),
                verdicts={split: one.verdict for split, one in judged.items()},
                why={split: one.why for split, one in judged.items()},
            )


def table(runs: list[Run]) -> None:
    """Print how many runs of each kind fail, and what every one of them said."""
    kinds = defaultdict(list)
    for run in runs:
        kinds[run.what].append(run)
    print("| run | models | runs | fail | 95 % | verdicts on splits |")
    print("|---|---|---|---|---|---|")
    for what, found in kinds.items():
        failed = sum(run.failed for run in found)
        told = Counter(verdict for run in found for verdict in run.verdicts.values())
        counts = ", ".join(f"{n} {verdict}" for verdict, n in sorted(told.items()))
        print(
            f"| {what} | {len({run.model for run in found})} | {len(found)} | {failed} | "
            f"{interval(failed, len(found))} | {counts} |"
        )
    print()
    for run in runs:
        for split, verdict in run.verdicts.items():
            if verdict in FAILS and "group's" not in run.what:
                who = f"{run.model}, {run.baseline} -> {run.candidate}"
                print(f"- {who}, {run.what}, {split}: {run.why[split]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="members registered")
    parser.add_argument("--simulated", type=int, metavar="RUNS", help="of crystals, instead")
    parser.add_argument("--lines", type=Path, help="keeps what was found, a line a run")
    options = parser.parse_args()
    if options.simulated:
        source = simulated(options.simulated)
    else:
        grounds = {split: Seeds(split, n) for split, n in SPLITS.items()}
        source = (r for m in MEMBERS for r in members(grounds, m, seeds=options.seeds))
    runs = []
    for run in source:
        runs.append(run)
        if options.lines:
            with options.lines.open("a") as file:
                file.write(json.dumps(vars(run)) + "\n")
    table(runs)


if __name__ == "__main__":
    main()
