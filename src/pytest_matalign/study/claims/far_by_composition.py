"""Part of the section on regimes: crystals and frameworks graded by remoteness of composition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pytest_matalign.analysis.interval import Interval
from pytest_matalign.analysis.pairs import pair_table
from pytest_matalign.metrics.spec import metric_spec
from pytest_matalign.study.context import Study
from pytest_matalign.study.measures.graded import grades, remoteness
from pytest_matalign.study.measures.modality import across_families, with_untrained
from pytest_matalign.study.plan import CRYSTALS
from pytest_matalign.study.report import Claim, Table
from pytest_matalign.study.verdict import of_signs

FRAMEWORKS = "core-mofs"
GRADES = 3
METRICS = ("cknna", "distance_correlation")


@dataclass(frozen=True, kw_only=True)
class Grade:
    """One grade of remoteness, by one metric."""

    metric: str  # Name of the metric
    n: int  # Samples, the same in every grade
    low: float  # Least remoteness
    high: float  # Greatest
    frameworks: float  # Share of the samples that are frameworks
    trained: Interval  # Mean alignment of pretrained models of different families
    composition: Interval  # Mean alignment of pretrained models with composition alone
    # Mean alignment of pretrained models with untrained networks of other families
    untrained: Interval | None


def graded_by_composition(study: Study) -> list[Grade]:
    """Alignment in grades of remoteness from the crystals at equilibrium, nearest first."""
    inside, out = study.data(CRYSTALS), study.data(FRAMEWORKS)
    models = [m for m in inside.embeddings if m in out.embeddings]
    joined = {m: np.vstack([inside.embeddings[m], out.embeddings[m]]) for m in models}
    distance = remoteness(joined["composition"], np.arange(inside.n))
    trained = [m for m in models if study.facts[m].pretrained]
    pairs = across_families(models, study.facts)
    bar = with_untrained(models, study.facts)
    found = []
    for metric in METRICS:
        for rows in grades(distance, GRADES):
            spec = metric_spec(metric, k=10 if metric == "cknna" else None)
            table = pair_table({m: x[rows] for m, x in joined.items()}, spec, split="graded")
            found.append(
                Grade(
                    metric=metric,
                    n=len(rows),
                    low=float(distance[rows].min()),
                    high=float(distance[rows].max()),
                    frameworks=float((rows >= inside.n).mean()),
                    trained=table.mean(pairs),
                    composition=table.mean([(m, "composition") for m in trained]),
                    untrained=table.mean(bar) if bar else None,
                )
            )
    return found


def remote_table(found: Sequence[Grade]) -> Table:
    """The grades as rows."""
    return Table(
        caption="Crystals and frameworks together, graded by the distance of their composition to "
        f"the ten nearest crystals' (k = 10, n = {found[0].n} a grade)",
        head=[
            "metric",
            "distance",
            "frameworks",
            "trained, different families",
            "with composition alone",
            "with untrained networks",
        ],
        rows=[
            [
                one.metric,
                f"{one.low:.2f} to {one.high:.2f}",
                f"{100 * one.frameworks:.0f} %",
                one.trained,
                one.composition,
                one.untrained or "none",
            ]
            for one in found
        ],
    )


def remote_claim(found: Sequence[Grade]) -> Claim:
    """Whether local alignment falls with remoteness of composition."""
    by = [one for one in found if one.metric == "cknna"]
    gap = by[0].trained.minus(by[-1].trained)
    return Claim(
        id="cknna-falls-with-composition",
        would_change="Grades that differ in composition and neither in size nor in kind of "
        "structure.",
        statement="The further a composition is from those of equilibrium crystals, the lower the "
        "local alignment (another graded form of the first claim).",
        verdict=of_signs([gap]),
        numbers=f"nearest grade {by[0].trained}, farthest {by[-1].trained}, difference {gap}; with "
        f"composition alone {by[0].composition} and {by[-1].composition}",
        caveat="Size and kind of structure change with composition, and so does what composition "
        "alone would give.",
    )
