"""The bank of mutants: what the gate catches and what it passes, on real embeddings.

python benchmarks/gate_bank.py [--untrained FOLDER] [--before] [--lines FILE] [SPLIT:SAMPLES ...]
python benchmarks/gate_bank.py --bounds

Each mutant has a known right verdict. Rows are those of the bundled packs; untrained and damaged
networks come from `untrained_rows.py`. `--before` adds the rule that the gate had before: each
reference by itself, a loss of .02 tolerated. All draws are seeded by what is drawn, so parts may be
run in any order: `--lines` keeps a line a part, and a run that was cut goes on after the last one.
Intervals are Clopper and Pearson's and take cells as independent, which models of one family on one
split are not.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign import load_split
from pytest_matalign.analysis.sample_groups import numeric_labels, sample_groups
from pytest_matalign.analysis.shared import Reference
from pytest_matalign.embeddings.pack import bundled_pack
from pytest_matalign.embeddings.pack_format import decode
from pytest_matalign.mutants.rows import group_mutants, mutants
from pytest_matalign.verdicts.gate.bounds import prediction_limit
from pytest_matalign.verdicts.gate.coverage import coverage
from pytest_matalign.verdicts.gate.finding import Judgement, judgement
from pytest_matalign.verdicts.gate.floor import above_other_untrained, above_own_untrained
from pytest_matalign.verdicts.gate.judge import Court, Prepared, judge
from pytest_matalign.verdicts.gate.places import standings
from pytest_matalign.verdicts.gate.scale import directions, norm_spread
from pytest_matalign.verdicts.gate.self_check import compare, self_check
from pytest_matalign.verdicts.gate.structure import probe_loss
from pytest_matalign.zoo.adapters.composition import fractions
from pytest_matalign.zoo.adapters.size import bumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.embeddings.pack_format import Entry
    from pytest_matalign.metrics.arrays import Float64

SPLITS = {
    "mp-crystals": 300,
    "mp-perturbed": 200,
    "core-mofs": 100,
    "qm9": 300,
    "ccd-ligands": 100,
    "pdb-chains": 300,
}
COVERED = 0.9
"""Share of the samples a model must accept to be in the bank on a split."""
GROUPS = 4
"""Groups drawn per model and split for mutants of one group."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One mutant of one model on one split, judged."""

    suite: str
    split: str
    model: str
    mutant: str
    right: str
    """`fail`, `pass` or `not pass`; `either` is counted and not scored."""
    mode: str
    verdict: str
    why: str
    before: str = ""

    @property
    def decided(self) -> bool:
        return self.verdict != "undecided" or self.right == "not pass"

    @property
    def correct(self) -> bool:
        failed = self.verdict in {"failed", "regressed"}
        if self.right == "fail":
            return failed
        if self.right == "not pass":
            return failed or self.verdict == "undecided"
        return self.verdict in {"passed", "moved"}


class Ground:
    """All rows at hand on one split, on common samples."""

    def __init__(self, split: str, samples: int, untrained: Path | None) -> None:
        self.split = split
        loaded = load_split(split, samples=samples)
        pack = bundled_pack()
        assert pack is not None
        self.cards: dict[str, Entry] = {}
        found: dict[str, dict[str, Float64]] = {}
        for held, model in pack:
            if held == split and model != "soap":
                entry, tensors = pack.entry(split, model)
                self.cards[model] = entry
                rows = decode(entry, tensors).astype(np.float64)
                found[model] = dict(zip(entry.accepted, rows, strict=True))
        for path in sorted(untrained.glob(f"{split}--*.npz")) if untrained else []:
            held_rows = np.load(path)
            name = path.stem.removeprefix(f"{split}--")
            rows = held_rows["vectors"].astype(np.float64)
            found[name] = dict(zip(held_rows["ids"].tolist(), rows, strict=True))
        wanted = COVERED * samples
        found = {m: r for m, r in found.items() if sum(i in r for i in loaded.ids) >= wanted}
        self.samples = [s for s in loaded.samples if all(s.id in rows for rows in found.values())]
        self.rows = {m: np.array([r[s.id] for s in self.samples]) for m, r in found.items()}
        self.trained = [m for m in self.rows if m in self.cards and self._card(m).control is None]
        self.soap = self._soap(pack)
        self._courts: dict[str, Court] = {}

    def _soap(self, pack: Pack) -> dict[str, Float64] | None:
        """Rows of the covariate, where the packs hold it on this split."""
        if (self.split, "soap") not in pack:
            return None
        entry, tensors = pack.entry(self.split, "soap")
        return dict(zip(entry.accepted, decode(entry, tensors).astype(np.float64), strict=True))

    def _card(self, model: str) -> Any:
        return self.cards[model].card

    def family(self, model: str) -> str:
        return str(self._card(model.split("--", maxsplit=1)[0]).family)

    def modality(self, model: str) -> str:
        return str(self._card(model.split("--", maxsplit=1)[0]).modality)

    @cached_property
    def covariates(self) -> dict[str, Float64]:
        found = {
            "composition": np.array([fractions(s) for s in self.samples]),
            "size": np.array([bumps(s) for s in self.samples]),
        }
        if self.soap is not None:
            found["soap"] = np.array([self.soap[s.id] for s in self.samples])
        return found

    def court(self, family: str) -> Court:
        """The court of a family: references are the first trained model of each other family."""
        if family not in self._courts:
            others = {self.family(m): m for m in reversed(self.trained)}
            self._courts[family] = Court(
                ids=tuple(s.id for s in self.samples),
                references=tuple(
                    Reference(
                        model=m,
                        family=self.family(m),
                        corpus="; ".join(self._card(m).training),
                        rows=self.rows[m],
                    )
                    for other, m in others.items()
                    if other != family
                ),
                covariates=tuple(self.covariates.values()),
                groups=sample_groups(self.samples),
                labels=numeric_labels(self.samples),
            )
        return self._courts[family]

    def siblings(self) -> Iterator[tuple[str, str]]:
        """Ordered pairs of one family that could be releases of one another.

        A model of energies per atom is none of one of band gaps: another kind of target.
        """
        for a in self.trained:
            for b in self.trained:
                kinds = [(self.family(m), self._card(m).options.get("per_atom")) for m in (a, b)]
                if a != b and kinds[0] == kinds[1]:
                    yield a, b

    def untrained(self) -> dict[str, dict[str, list[str]]]:
        """Names of untrained rows by model and recipe."""
        found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for name in self.rows:
            if "--" in name:
                model, made = name.split("--")
                if made[:-1] != "flipped":
                    found[model][made[:-1]].append(name)
        return found


class Bank:
    def __init__(self, ground: Ground, *, before: bool) -> None:
        self.ground, self.before = ground, before
        self._prepared: dict[str, Prepared] = {}
        self._last: Prepared | None = None
        self._last_judged: tuple[tuple[Prepared, Prepared], Judgement] | None = None

    def parts(self) -> Iterator[tuple[str, Callable[[], Iterator[Outcome]]]]:
        """Everything there is to do on the split, by name."""
        yield "newcomers", self.newcomers
        for model in self.ground.trained:
            yield f"versions of {model}", partial(self.versions, model)
        for model in self.ground.trained:
            yield f"networks of {model}", partial(self.controls, model)
            yield f"refusals of {model}", partial(self.refusals, model)
        for model in self.ground.trained:
            yield f"rows of {model}", partial(self.changes, model)

    def prepared(self, name: str) -> Prepared:
        if name not in self._prepared:
            court = self.ground.court(self.ground.family(name))
            self._prepared[name] = court.prepare(self.ground.rows[name])
        return self._prepared[name]

    def rng(self, *names: str) -> np.random.Generator:
        seed = zlib.crc32("/".join((self.ground.split, *names)).encode())
        return np.random.Generator(np.random.PCG64(seed))

    def outcome(
        self, suite: str, model: str, mutant: str, right: str, mode: str, rows: Float64
    ) -> Outcome:
        baseline = self.prepared(model)
        last = self._last
        if last is None or last.rows is not rows or last.court is not baseline.court:
            self._last = last = baseline.court.prepare(rows)
        candidate = last
        judged = self._judged(candidate, baseline)
        if mode == "same":
            judged = said_to_be_the_same(judged, candidate, baseline)
        before = self.old_rule(model, rows) if self.before and mode == "retrained" else ""
        return Outcome(
            suite=suite,
            split=self.ground.split,
            model=model,
            mutant=mutant,
            right=right,
            mode=mode,
            verdict=judged.verdict,
            why=judged.why,
            before=before,
        )

    def _judged(self, candidate: Prepared, baseline: Prepared) -> Judgement:
        """The judgement as retrained; the last is kept, both modes ask for it."""
        key = candidate, baseline
        if self._last_judged is None or self._last_judged[0] != key:
            self._last_judged = key, judge(candidate, baseline)
        return self._last_judged[1]

    def changes(self, model: str) -> Iterator[Outcome]:
        rows = self.ground.rows[model]
        for mutant in mutants():
            changed = mutant.change(rows, self.rng(model, mutant.name))
            for mode in ("retrained", "same"):
                yield self.outcome("rows", model, mutant.name, mutant.right, mode, changed)
        groups = self.drawn_groups(model)
        for mutant in group_mutants(groups):
            what = mutant.name.split(": ")[-1]
            changed = mutant.change(rows, self.rng(model, mutant.name))
            yield self.outcome("group", model, f"one group's {what}", "fail", "retrained", changed)

    def drawn_groups(self, model: str) -> dict[str, np.ndarray]:
        court, n = self.prepared(model).court, len(self.ground.samples)
        fit = {g: m for g, m in court.groups.items() if 5 <= len(m) <= 0.5 * n}
        rng = self.rng(model, "groups")
        names = rng.permutation(sorted(fit))[:GROUPS]
        return {str(name): fit[str(name)] for name in names}

    def controls(self, model: str) -> Iterator[Outcome]:
        for control, rows in self.ground.covariates.items():
            yield self.outcome("control", model, f"{control} control", "fail", "retrained", rows)
        for name in self.ground.rows:
            if self.ground.family(name) != self.ground.family(model) or name in self.ground.trained:
                continue
            flipped = "--flipped" in name
            if flipped and name.split("--")[0] != model:
                continue
            if flipped and np.allclose(self.ground.rows[name], self.ground.rows[model], rtol=1e-3):
                continue  # the layer is not above the embedding
            what = "signs flipped in one layer" if flipped else "untrained network"
            suite = "damaged" if flipped else "untrained"
            rows = self.ground.rows[name]
            for mode in ("retrained", "same"):
                yield self.outcome(suite, model, what, "fail", mode, rows)

    def refusals(self, model: str) -> Iterator[Outcome]:
        court, baseline = self.prepared(model).court, self.prepared(model)
        n = len(court.ids)
        large = "high size"
        refused = [*self.drawn_groups(model), *([large] if large in court.groups else [])]
        for group in refused:
            kept = np.setdiff1d(np.arange(n), court.groups[group])
            ids = tuple(court.ids[i] for i in kept)
            found = coverage(accepted=ids, baseline=court.ids)
            what = "large structures refused" if group == large else "a group refused"
            if len(kept) < 60:
                continue
            small = court.cut(kept)
            judged = judge(
                small.prepare(baseline.rows[kept]),
                small.prepare(baseline.rows[kept]),
                covered=found,
            )
            yield Outcome(
                suite="refusal",
                split=self.ground.split,
                model=model,
                mutant=what,
                right="fail",
                mode="retrained",
                verdict=judged.verdict,
                why=judged.why,
                before="passed" if self.before else "",
            )

    def versions(self, old: str) -> Iterator[Outcome]:
        """Real releases after a model: each of its siblings; right only where the probe rises."""
        for new in [new for new, other in self.ground.siblings() if other == old]:
            rows, labels = self.ground.rows, self.prepared(old).court.told_beyond
            loss = probe_loss(rows[new], rows[old], labels)
            rises = loss is not None and loss.value < 0
            what = "real version, probe rises" if rises else "real version, probe does not rise"
            right = "pass" if rises else "either"
            done = self.outcome("version", old, what, right, "retrained", rows[new])
            yield replace(done, mutant=what, model=f"{old} -> {new}")
            same = self.outcome("version", old, "another checkpoint", "fail", "same", rows[new])
            yield replace(same, model=f"{old} -> {new}")
            carrier = self.drawn_groups(old)
            for mutant in group_mutants(dict(list(carrier.items())[:2])):
                what = "a real version, and one group's " + mutant.name.split(": ")[-1]
                changed = mutant.change(rows[new], self.rng(new, old, mutant.name))
                done = self.outcome("group, retrained", old, what, "fail", "retrained", changed)
                yield replace(done, model=f"{old} -> {new}")

    def newcomers(self) -> Iterator[Outcome]:
        """First releases: trained must not fail, untrained must not pass."""
        shipped = [n for n in self.ground.rows if n not in self.ground.trained]
        shipped = [n for n in shipped if "flipped" not in n]
        for model, recipes in self.ground.untrained().items():
            own = {r: [self.prepared(n) for n in names] for r, names in recipes.items()}
            if any(len(seeds) < 4 for seeds in own.values()) or model not in self.ground.rows:
                continue
            yield self._floor(model, own, trained=True)
            for recipe, names in recipes.items():
                for i, name in enumerate(names):
                    left = [s for j, s in enumerate(own[recipe]) if j != i]
                    if len(left) >= 4:
                        yield self._floor(name, {**own, recipe: left}, trained=False)
        one = {self.ground.family(n): n for n in shipped}
        for name in [*self.ground.trained, *one.values()]:
            court = self.ground.court(self.ground.family(name))
            modality = self.ground.modality(name)
            others = {
                n: (f, court.prepare(self.ground.rows[n]))
                for f, n in one.items()
                if f != self.ground.family(name) and self.ground.modality(n) == modality
            }
            prepared = self.prepared(name)
            found = above_other_untrained(prepared, others, standings(prepared, others))
            trained = name in self.ground.trained
            yield self._newcomer(name, found, "other untrained", trained=trained)

    def _floor(self, name: str, own: Mapping[str, list[Prepared]], *, trained: bool) -> Outcome:
        found = above_own_untrained(self.prepared(name), own)
        return self._newcomer(name, found, "own untrained", trained=trained)

    def _newcomer(self, name: str, found: Any, floor: str, *, trained: bool) -> Outcome:
        return Outcome(
            suite=f"first release, {floor}",
            split=self.ground.split,
            model=name,
            mutant="trained newcomer" if trained else "untrained newcomer",
            right="pass" if trained else "not pass",
            mode="first",
            verdict=found.verdict,
            why=found.why,
        )

    def old_rule(self, model: str, rows: Float64) -> str:
        """The verdict of the rule before: any reference, any metric, a loss above .02."""
        from scipy.stats import false_discovery_control

        from pytest_matalign.metrics.spec import metric_spec
        from pytest_matalign.statistics.assess import assess_difference, prepare

        n = len(rows)
        specs = [
            metric_spec("cknna", k=min(25, n // 4)),
            metric_spec("distance_correlation"),
            metric_spec("information_imbalance"),
        ]
        references = {m: self.ground.rows[m] for m in self.ground.trained if m != model}
        references |= {"composition": self.ground.covariates["composition"]}
        try:
            new, old = prepare(rows, specs=specs), prepare(self.ground.rows[model], specs=specs)
        except ValueError:
            return "regressed"
        found = []
        for name, held in references.items():
            if name not in self._prepared_old:
                self._prepared_old[name] = prepare(held, specs=specs)
            for spec in specs:
                difference = assess_difference(
                    new, old, self._prepared_old[name], spec, tolerance=0.02
                )
                higher = spec.direction == "higher"
                least = -difference.high if higher else difference.low
                found.append((least > 0.02, difference.p_value))
        adjusted = false_discovery_control([p for _, p in found])
        lost = any(sure and p <= 0.025 for (sure, _), p in zip(found, adjusted, strict=True))
        return "regressed" if lost else "passed"

    @cached_property
    def _prepared_old(self) -> dict[str, Any]:
        return {}


def said_to_be_the_same(judged: Judgement, candidate: Prepared, baseline: Prepared) -> Judgement:
    """What `judge` says in mode `same`: only the check of the rows themselves depends on it."""
    (before,) = (f for f in judged.findings if f.check == "self-check")
    check = self_check(
        compare(candidate.rows, baseline.rows),
        ids=candidate.court.ids,
        mode="same",
        beyond=before.figures["beyond"],
        expected=before.figures["expected"],
    )
    return judgement(tuple(check if f is before else f for f in judged.findings))


def kept(lines: Path) -> Iterator[tuple[str, list[Outcome]]]:
    """Yield the parts that an earlier run finished."""
    for line in lines.read_text().splitlines():
        held = json.loads(line)
        yield held["part"], [Outcome(**outcome) for outcome in held["outcomes"]]


def interval(hits: int, trials: int) -> str:
    from scipy.stats import binomtest

    found = binomtest(hits, trials).proportion_ci(method="exact")
    return f"{found.low:.3f}–{found.high:.3f}"


def table(outcomes: list[Outcome]) -> None:
    """Print counts per mutant and mode, then every miss."""
    cells: dict[tuple[str, str, str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        cells[outcome.suite, outcome.mutant, outcome.mode, outcome.right].append(outcome)
    print(
        "| suite | mutant | mode | must | n | right | undecided | wrong | 95 % of right | before |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for (suite, mutant, mode, right), found in cells.items():
        n, hits = len(found), sum(o.correct for o in found)
        undecided = sum(not o.decided for o in found)
        told = [o for o in found if o.before]
        failing = sum(o.before == "regressed" for o in told)
        wanted = failing if right != "pass" else len(told) - failing
        before = f"{wanted} of {len(told)}" if told else ""
        if right == "either":
            failed = sum(o.verdict in {"failed", "regressed"} for o in found)
            print(
                f"| {suite} | {mutant} | {mode} | either | {n} | {failed} fail | {undecided} | | "
                f"| {before and before + ' fail'} |"
            )
            continue
        print(
            f"| {suite} | {mutant} | {mode} | {right} | {n} | {hits} | {undecided} | "
            f"{n - hits - undecided} | {interval(hits, n)} | {before} |"
        )
    print()
    for right, word in (("fail", "harmful caught"), ("pass", "harmless passed")):
        for mode in ("retrained", "same"):
            scored = [o for o in outcomes if o.right == right and o.mode == mode]
            if scored:
                hits, undecided = sum(o.correct for o in scored), sum(not o.decided for o in scored)
                print(
                    f"{word}, mode {mode}: {hits} of {len(scored)} = {hits / len(scored):.3f} "
                    f"({interval(hits, len(scored))}), {undecided} undecided\n"
                )
    print("Wrong:\n")
    for o in outcomes:
        if o.right != "either" and o.decided and not o.correct:
            print(f"- {o.split}, {o.model}, {o.mutant} ({o.mode}): {o.verdict}; {o.why}")


def bounds(splits: Mapping[str, int]) -> dict[str, float]:
    """Return the bounds of `verdicts.gate.bounds`, read off siblings in the packs."""
    largest: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for split, samples in splits.items():
        ground = Ground(split, samples, None)
        for a, b in ground.siblings():
            if a > b:
                continue
            x, y = ground.rows[a], ground.rows[b]
            check = compare(x, y)
            found = {
                "NORM_SPREAD": abs(np.log2(norm_spread(x) / norm_spread(y))),
                "DIRECTIONS": abs(np.log2(directions(x) / directions(y))),
                "TORN": len(check.torn) / len(x),
            }
            for name, value in found.items():
                family = largest[name]
                family[ground.family(a)] = max(family[ground.family(a)], float(value))
    limits = {}
    for name, families in largest.items():
        seen = list(families.values())
        limits[name] = max(prediction_limit(seen), *seen)
        shown = ", ".join(f"{f} {v:.3f}" for f, v in sorted(families.items()))
        print(f"{name}: {shown}: limit {limits[name]:.3f}")
    return limits


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("splits", nargs="*")
    parser.add_argument("--untrained", type=Path)
    parser.add_argument("--before", action="store_true")
    parser.add_argument("--bounds", action="store_true")
    parser.add_argument("--lines", type=Path, help="JSON, a line a part; parts in it are not rerun")
    options = parser.parse_args()
    splits = {s.split(":")[0]: int(s.split(":")[1]) for s in options.splits} or SPLITS
    if options.bounds:
        bounds(splits)
        return
    lines: Path | None = options.lines
    done = dict(kept(lines)) if lines and lines.exists() else {}
    outcomes: list[Outcome] = []
    for split, samples in splits.items():
        bank = Bank(Ground(split, samples, options.untrained), before=options.before)
        for name, part in bank.parts():
            key = f"{split}:{samples}: {name}"
            if key not in done:
                done[key] = list(part())
                if lines:
                    with lines.open("a") as file:
                        line = {"part": key, "outcomes": [asdict(o) for o in done[key]]}
                        file.write(json.dumps(line) + "\n")
            outcomes += done[key]
        print(f"{split}: {len(bank.ground.samples)} samples, {len(outcomes)} outcomes", flush=True)
    table(outcomes)


if __name__ == "__main__":
    main()
