"""Make the bounds of the bundled suites from the packs, by leaving one family out.

    python benchmarks/expectations.py           # prints what would change
    python benchmarks/expectations.py --write   # writes the suites

For every split, class of pair and judged metric: each family's worst pair, and from these the
95 % prediction limit for one more family (`verdicts.gate.bounds.prediction_limit`). It becomes an
expectation only where it is known to hold and to say something: at least `LEAST` families, each
left-out family on the right side of the limit of the others, and, for a floor, no control above
it. Everything else is told as a comment and not judged. Candidates are not judged by these alone:
`verdicts.gate` holds them against untrained networks and their baseline.
"""

from __future__ import annotations

import argparse
import difflib
import math
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign import load_split
from pytest_matalign.embeddings.embedding import Embedding, common_ids
from pytest_matalign.embeddings.pack import bundled_pack
from pytest_matalign.errors import MatalignError
from pytest_matalign.metrics.spec import metric_spec
from pytest_matalign.statistics.assess import assess, prepare
from pytest_matalign.suites.cases import pair_class
from pytest_matalign.suites.load import load_suite
from pytest_matalign.verdicts.expectations import SAME_SIZE
from pytest_matalign.verdicts.gate.bounds import prediction_limit
from pytest_matalign.zoo.adapters import random_features
from pytest_matalign.zoo.adapters.composition import fractions
from pytest_matalign.zoo.catalogue import cards

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_matalign.statistics.assess import Prepared
    from pytest_matalign.suites.schema import Suite, SuiteMetric, SuiteSplit

SUITES = Path(__file__).parents[1] / "suites"
METRICS = ("cknna", "distance_correlation")
LEAST = 4
"""Families; the t distribution of fewer gives limits that say nothing."""
MARK = "# Made by `python benchmarks/expectations.py --write`; all below is replaced by it.\n"
WORDS = {
    "same-family": "variants of one family agree",
    "same-modality": "independent models of one modality agree",
    "cross-modality": "models of different modalities agree",
    "random": "no model agrees with random features beyond this",
}


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What the packs say of one class of pairs on one split by one metric."""

    split: str
    metric: str
    kind: str
    n: int
    k: int | None
    pairs: int
    worst: Mapping[str, float]
    """Each family's value: its lowest pair, for `random` its highest."""
    control: float
    """Highest pair with a control that knows no structure; a floor must be above it."""

    @property
    def floor(self) -> bool:
        return self.kind != "random"

    @property
    def limit(self) -> float:
        return self._limit(list(self.worst.values()))

    @property
    def misses(self) -> list[str]:
        """Families on the wrong side of the limit that the others give."""
        missed = []
        for family, value in self.worst.items():
            limit = self._limit([v for f, v in self.worst.items() if f != family])
            if (value < limit) if self.floor else (value > limit):
                missed.append(family)
        return missed

    @property
    def why_not(self) -> str:
        if len(self.worst) < LEAST:
            return f"{len(self.worst)} families, {LEAST} are needed"
        if self.misses:
            told = ", ".join(self.misses)
            return f"left out, {told} of {len(self.worst)} families are beyond the others' limit"
        if self.floor and self.limit <= self.control:
            return f"the limit {self.limit:.2f} is not above a control ({self.control:.2f})"
        return ""

    def _limit(self, values: list[float]) -> float:
        sign = -1.0 if self.floor else 1.0
        found = sign * prediction_limit([sign * value for value in values])
        return (math.floor if self.floor else math.ceil)(found * 100) / 100

    def lines(self) -> Iterator[str]:
        name = f"{self.split}-{self.metric.replace('_', '-')}-{self.kind}"
        if why := self.why_not:
            families = ", ".join(f"{f} {v:.2f}" for f, v in sorted(self.worst.items()))
            yield f"# Not judged: {name}: {why}; {self.pairs} pairs ({families})."
            return
        yield ""
        yield "[[expectation]]"
        yield f'id = "{name}"'
        yield f'metric = "{self.metric}"'
        yield f'splits = ["{self.split}"]'
        yield f'pairs = "{self.kind}"' if self.floor else 'between = [["*"], ["random"]]'
        yield f"{'at_least' if self.floor else 'at_most'} = {self.limit:.2f}"
        yield (
            f'source = "95 % prediction limit for one more family, from {len(self.worst)} families'
            ', each of which holds when left out"'
        )
        what = WORDS[self.kind]
        yield f'tooltip = "{what[0].upper()}{what[1:]}."'
        k = f", k = {self.k}" if self.k is not None else ""
        yield f"measured = {{ n = {self.n}{k}, families = {len(self.worst)} }}"


def bounds(suite: Suite) -> Iterator[Bound]:
    """Yield what the packs say of a suite's splits, as far as they hold them."""
    for wanted in suite.split:
        rows = _rows(suite, wanted)
        for metric in suite.metric:
            if metric.name in METRICS:
                yield from _of_metric(wanted, metric, rows)


def _rows(suite: Suite, wanted: SuiteSplit) -> dict[str, Embedding]:
    """Embeddings by model, of those that accept as many samples as a bound may differ in."""
    pack = bundled_pack()
    assert pack is not None
    if wanted.file:
        return {}
    split = load_split(wanted.id, samples=wanted.samples)
    controls = {
        "composition": np.array([fractions(sample) for sample in split.samples]),
        "random": random_features.load(cards()["random"]).embed(split.samples),
    }
    found = {
        name: Embedding(
            model=name, split=split.card.id, ids=split.ids, vectors=rows.astype(np.float32)
        )
        for name, rows in controls.items()
    }
    for model in (*suite.models, *suite.controls):
        if (wanted.id, model) in pack:
            try:
                one = pack.embedding(model, split)
            except MatalignError:
                continue
            if len(one) >= (1 - SAME_SIZE) * len(split.samples):
                found[model] = one
    return found


def _of_metric(
    wanted: SuiteSplit, metric: SuiteMetric, rows: dict[str, Embedding]
) -> Iterator[Bound]:
    known = cards()
    spec = metric_spec(metric.name, k=metric.k, preprocess=metric.preprocess)

    @cache
    def prepared(model: str, ids: tuple[str, ...]) -> Prepared:
        return prepare(rows[model].rows(ids).astype(np.float64), specs=[spec])

    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    control = -1.0
    for a, b in combinations(rows, 2):
        controls = [model for model in (a, b) if known[model].role == "control"]
        ids = common_ids(rows[a], rows[b])
        if len(controls) == 2 or len(ids) < (1 - SAME_SIZE) * (wanted.samples or 0):
            continue
        value = assess(prepared(a, ids), prepared(b, ids), spec).value
        kind = "random" if "random" in controls else pair_class(known[a], known[b])
        if controls and kind != "random":
            control = max(control, value)
            continue
        for model in {a, b} - {*controls}:
            values[kind][known[model].family].append(value)
    for kind in WORDS:
        if found := values[kind]:
            pick = max if kind == "random" else min
            yield Bound(
                split=wanted.id,
                metric=metric.name,
                kind=kind,
                n=wanted.samples or 0,
                k=metric.k,
                pairs=sum(map(len, found.values())) // (1 if kind == "random" else 2),
                worst={family: pick(seen) for family, seen in found.items()},
                control=control,
            )


def text_of(path: Path) -> str:
    """Return a suite file with its made part made anew."""
    own = path.read_text().split(MARK)[0]
    lines = [line for bound in bounds(load_suite(path.parent)) for line in bound.lines()]
    told = [line for line in lines if line.startswith("#")]
    judged = [line for line in lines if not line.startswith("#")]
    return own + MARK + "\n".join([*told, *judged]) + "\n"


def main() -> None:
    """Print or write the suites."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    for path in sorted(SUITES.glob("*/suite.toml")):
        old, new = path.read_text(), text_of(path)
        if options.write:
            path.write_text(new)
        else:
            changed = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
            print("\n".join([path.parent.name, *changed]))


if __name__ == "__main__":
    main()
