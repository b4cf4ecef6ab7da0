"""Read the bounds of a suite off a scorecard, as TOML to paste into its `suite.toml`.

    pytest --matalign --matalign-suite materials --matalign-json scorecard.json
    python benchmarks/expectations.py scorecard.json materials --date 2026-11-22

For every split, class of pair and gated metric the bound is the extreme value seen among the
pairs, moved outwards by a margin and rounded outwards to two decimals. Pairs measured on fewer
samples than asked for are left out, because alignment at fixed k depends on n.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.scorecard.model import read_scorecard
from pytest_matalign.verdicts.records import measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.statistics.alignment import Alignment

MARGIN = {"cknna": (0.03, 0.05), "distance_correlation": (0.05, 0.10)}
"""By metric, for splits of at least 500 samples and for smaller ones, whose intervals are wider."""
CEILINGS = ("random",)
"""Controls with a ceiling of their own. What an untrained network shares with a trained one
depends on the split, so suites hold it against the trained pair instead (`above`)."""
WORDS = {
    "same-family": "variants of one family agree",
    "same-modality": "independent models of one modality agree",
    "cross-modality": "models of different modalities agree",
}


def main() -> None:
    """Print the `[[expectation]]` tables of one suite."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scorecard", type=Path)
    parser.add_argument("suite")
    parser.add_argument("--date", required=True)
    options = parser.parse_args()
    scorecard = read_scorecard(options.scorecard)
    asked = {(r.suite, r.split): r.requested for r in scorecard.embeddings}
    control = {model.id: model.control for model in scorecard.models if model.control}
    groups: dict[tuple[str, str, str], list[Alignment]] = defaultdict(list)
    for record, alignment in measured(scorecard.alignments):
        full = alignment.n == asked[record.suite, record.split]
        if record.suite == options.suite and record.metric in MARGIN and full:
            kind = next((control[m] for m in (record.a, record.b) if m in control), None)
            name = record.pair_class if kind is None else kind
            groups[record.split, record.metric, name].append(alignment)
    for (split, metric, name), found in groups.items():
        if name in WORDS or name in CEILINGS:
            print("\n".join(table(split, metric, name, found, date=options.date)))


def table(
    split: str, metric: str, name: str, found: list[Alignment], *, date: str
) -> Iterator[str]:
    """Lines of one expectation."""
    floor = name in WORDS
    values = [alignment.value for alignment in found]
    extreme, margin = (min(values) if floor else max(values)), MARGIN[metric][found[0].n < 500]
    bound = math.floor((extreme - margin) * 100) if floor else math.ceil((extreme + margin) * 100)
    first = found[0]
    yield "[[expectation]]"
    yield f'id = "{split}-{metric.replace("_", "-")}-{name}"'
    yield f'metric = "{metric}"'
    yield f'splits = ["{split}"]'
    if floor:
        yield f'pairs = "{name}"'
    else:
        yield f'between = [["*"], ["{name}"]]'
    yield f"{'at_least' if floor else 'at_most'} = {bound / 100:.2f}"
    yield f'source = "measured, {"lowest" if floor else "highest"} of {len(values)} pairs"'
    what = WORDS.get(name, f"no model agrees with {name} features beyond this")
    yield f'tooltip = "{what[0].upper()}{what[1:]}."'
    k = f", k = {first.k}" if first.k is not None else ""
    yield (
        f'measured = {{ date = "{date}", n = {first.n}{k}, extreme = {extreme:.3f}, '
        f"margin = {margin:.2f} }}"
    )
    yield ""


if __name__ == "__main__":
    main()
