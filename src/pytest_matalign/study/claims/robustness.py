"""Section: which conclusions survive other choices; local against global metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np

from pytest_matalign.analysis.correlation import spearman
from pytest_matalign.analysis.interval import Interval, jackknife_interval
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.spec import metric_spec
from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.figures import scatter
from pytest_matalign.study.measures.sensitivity import Conclusion, Variation, survivors, vary
from pytest_matalign.study.plan import CRYSTALS, MOLECULES
from pytest_matalign.study.report import Claim, Figure, Section, Table
from pytest_matalign.study.verdict import of_signs

TEXT = """
One choice is changed at a time from CKNNA with k = 25, centred features and rows of unit length;
"order kept" is Spearman's correlation of the pairs' alignments with the default's. "max" is the
paper's own scaling (each row divided by its largest element, not centred). Pooling cannot be
varied: adapters return mean-pooled vectors.
"""
KS = (2, 5, 10, 25, 50, 100)
SIZES = (100, 200, 300)
HIGH = 0.7
CLOSE = 0.9
"""Spearman's correlation above which an order counts as nearly preserved."""


def section(study: Study) -> Section:
    """Vary k, n, preprocessing and samples on crystals and molecules."""
    spaces = {split: study.data(split) for split in (CRYSTALS, MOLECULES)}
    found = {split: _vary(study, data) for split, data in spaces.items()}
    together = {split: _together(study, data) for split, data in spaces.items()}
    return Section(
        id="sensitivity",
        title="Sensitivity",
        text=TEXT,
        tables=[
            *[_table(split, several) for split, several in found.items()],
            Table(
                caption="Conclusions that survive, of the settings that can be used",
                head=["split", "conclusion", "holds in"],
                rows=[
                    [split, name, f"{held} of {total}"]
                    for split, several in found.items()
                    for name, (held, total) in survivors(several).items()
                ],
            ),
        ],
        figures=[_figure(study, spaces)],
        claims=[_monotone(found), _order(found), _local_global(together)],
    )


def _vary(study: Study, data: SplitData) -> list[Variation]:
    return vary(
        data.embeddings,
        metric_spec("cknna", k=min(25, data.n // 8)),
        conclusions(study, data),
        ks=[k for k in KS if k < data.n // 2],
        sizes=[n for n in SIZES if n <= data.n],
    )


def conclusions(study: Study, data: SplitData) -> list[Conclusion]:
    """What the other sections conclude from an alignment matrix of a split's models."""
    models, facts = list(data.embeddings), study.facts
    place = {model: index for index, model in enumerate(models)}
    space, noise = [place[model] for model in data.potentials], place["random"]

    def mean(matrix: Float64, pairs: Sequence[tuple[int, int]]) -> float:
        return float(np.mean([matrix[i, j] for i, j in pairs]))

    pairs = [(place[a], place[b]) for a, b in combinations(data.potentials, 2)]
    same = [(i, j) for i, j in pairs if facts[models[i]].family == facts[models[j]].family]
    other = [pair for pair in pairs if pair not in same]
    blank = [m for m in models if facts[m].control == "untrained" and facts[m].modality == "3d"]
    untrained = [(i, place[model]) for i in space for model in blank]
    found: list[Conclusion] = [
        ("within families more than across", lambda v: mean(v, same) > mean(v, other)),
        (
            "random features align less than any two families",
            lambda v: float(v[space, noise].max()) < min(v[i, j] for i, j in other),
        ),
    ]
    if untrained:
        name = "trained with trained more than with untrained"
        found.append((name, lambda v: mean(v, other) > mean(v, untrained)))
    return found


def _monotone(found: dict[str, list[Variation]]) -> Claim:
    told, rising = [], []
    for split, several in found.items():
        means = [(int(one.setting), one.mean) for one in several if one.choice == "k"]
        rising.append(all(a[1] < b[1] for a, b in pairwise(means)))
        told.append(f"{split}: " + ", ".join(f"k = {k}: {v:.3f}" for k, v in means))
    return Claim(
        id="k-monotone",
        would_change="A pair whose CKNNA falls as k grows.",
        statement="CKNNA rises monotonically with k.",
        verdict="reproduced" if all(rising) else "not reproduced",
        numbers="; ".join(told),
        caveat="Means over all pairs, controls among them; k up to a fifth of the samples, where "
        "the paper has at most a twentieth.",
    )


def _order(found: dict[str, list[Variation]]) -> Claim:
    kept = {
        split: [one.order_kept for one in several if one.choice == "k"]
        for split, several in found.items()
    }
    least = min(min(values) for values in kept.values())
    return Claim(
        id="k-order",
        would_change="A k between 2 and n / 4 that orders the pairs otherwise.",
        statement="The order of model pairs is nearly the same for every k.",
        verdict="reproduced" if least >= CLOSE else "not reproduced",
        numbers="; ".join(
            f"{split}: Spearman with k = 25 from {min(v):.3f} to {max(v):.3f}"
            for split, v in kept.items()
        ),
        caveat=f"Nearly the same means a rank correlation of {CLOSE} or more.",
    )


def _together(study: Study, data: SplitData) -> Interval:
    local, whole = study.table(data, "cknna"), study.table(data, "distance_correlation")
    place = [local.models.index(m) for m in data.trained]
    upper = np.triu_indices(len(place), 1)

    def rho(a: Float64, b: Float64) -> float:
        rows = np.ix_(place, place)
        return spearman(a[rows][upper], b[rows][upper])

    again = [rho(a, b) for a, b in zip(local.replicates, whole.replicates, strict=True)]
    return jackknife_interval(rho(local.values, whole.values), again)


def _local_global(found: dict[str, Interval]) -> Claim:
    gaps = [replace(one, low=one.low - HIGH, high=one.high - HIGH) for one in found.values()]
    return Claim(
        id="local-and-global",
        would_change="Pairs that agree locally and not globally, over several families.",
        statement="Local (CKNNA) and global (distance correlation) alignment are highly "
        "correlated over pairs of models.",
        verdict=of_signs(gaps),
        numbers="; ".join(f"{split}: Spearman {one}" for split, one in found.items()),
        caveat=f"Highly means above {HIGH}. Pairs share models: they are not independent.",
    )


def _table(split: str, several: Sequence[Variation]) -> Table:
    return Table(
        caption=f"Variations on {split}",
        head=["choice", "setting", "n", "mean over pairs", "order kept", "conclusions that hold"],
        rows=[
            [
                one.choice,
                one.setting,
                one.n,
                f"{one.mean:.3f}" if one.conclusions else "-",
                f"{one.order_kept:.3f}" if one.conclusions else "-",
                f"{sum(one.conclusions.values())} of {len(one.conclusions)}"
                if one.conclusions
                else f"cannot be used: {one.refused}",
            ]
            for one in several
        ],
    )


def _figure(study: Study, spaces: dict[str, SplitData]) -> Figure:
    panels = {}
    for split, data in spaces.items():
        local, whole = study.table(data, "cknna"), study.table(data, "distance_correlation")
        groups: dict[str, list[tuple[float, float]]] = {"two models": [], "with a control": []}
        for i, a in enumerate(local.models):
            for j, b in enumerate(local.models[:i]):
                both = study.facts[a].pretrained and study.facts[b].pretrained
                point = float(whole.values[i, j]), float(local.values[i, j])
                groups["two models" if both else "with a control"].append(point)
        panels[split] = groups
    return scatter(
        panels,
        name="local-global",
        caption="Local against global alignment of every pair.",
        x="distance correlation (bias-corrected)",
        y="CKNNA",
    )
