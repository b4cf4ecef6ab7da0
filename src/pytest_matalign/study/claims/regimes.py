"""Section: in and out of distribution, and where each model stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations

from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.analysis.interval import Interval
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.spec import metric_spec
from pytest_matalign.study.claims.far_by_composition import (
    graded_by_composition,
    remote_claim,
    remote_table,
)
from pytest_matalign.study.claims.performance import probe_errors
from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.figures import curves, scatter
from pytest_matalign.study.measures.graded import Step, curve, response
from pytest_matalign.study.measures.modality import across_families
from pytest_matalign.study.measures.regimes import Placement, place_models
from pytest_matalign.study.plan import CRYSTALS, LABEL, MOLECULES, SERIES, graded
from pytest_matalign.study.report import Claim, Figure, Section, Table, Verdict
from pytest_matalign.study.verdict import of_signs, steady

METRICS = ("cknna", "distance_correlation", "information_imbalance")
TEXT = """
Means are over pairs of pretrained potentials of different families, with composition and size
projected out ("partial"; raw values beside them), on the same number of samples in and out, because
neighbour metrics fall with the number of samples. Intervals cover the choice of samples, not of
models; whether the sign survives leaving out each family in turn stands beside them. The graded
series perturbs the same crystals more and more, so composition stays as it is and differences are
paired.

A model is placed by three quantities: what its embedding holds beyond composition and size, how
much of that it shares with the best unrelated performer beyond the best control, and how much
better than the best control it predicts the label once what composition and size predict is taken
off.
"""
OUTSIDE = ("mp-perturbed", "core-mofs", MOLECULES)


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """One metric in and out of distribution, over the same pairs at the same n."""

    outside: str
    metric: str
    n: int
    pairs: int
    inside: Interval
    """Mean partial alignment, as `out` and `difference`."""
    out: Interval
    difference: Interval
    """In less out."""
    raw: Interval
    """The difference with composition and size left in."""
    steady: bool
    """Whether the difference keeps its sign with each family left out."""


def section(study: Study) -> Section:
    """Compare alignment in and out of distribution, and place every model."""
    contrasts = [one for split in OUTSIDE for one in contrast(study, split)]
    steps = [step for kind in SERIES for step in series(study, kind)]
    raw = [step for kind in SERIES for step in series(study, kind, partial=False)]
    placed = {split: placements(study, split) for split in (CRYSTALS, "mp-perturbed", MOLECULES)}
    remote = graded_by_composition(study)
    read = _levels(study, "rattle")[0.0].trained
    return Section(
        id="regimes",
        title="Two regimes: in and out of distribution",
        text=TEXT,
        tables=[
            _contrast_table(contrasts),
            _series_table(steps, raw),
            remote_table(remote),
            _response_table(study),
            *[placement_table(split, found) for split, found in placed.items()],
        ],
        figures=[
            *([_series_figure(steps)] if steps else []),
            _plane_figure(study),
            _placement_figure(placed),
        ],
        claims=[*_claims(contrasts, steps, placed, study.facts, read=read), remote_claim(remote)],
    )


def matched(study: Study, outside: str) -> tuple[SplitData, SplitData]:
    """Crystals at equilibrium and another split, with the same models and number of samples."""
    inside, out = study.data(CRYSTALS), study.data(outside)
    models = [model for model in inside.embeddings if model in out.embeddings]
    n = min(inside.n, out.n)
    return inside.only(models).first(n), out.only(models).first(n)


def contrast(study: Study, outside: str) -> list[Contrast]:
    """Every metric in and out of distribution."""
    inside, out = matched(study, outside)
    pairs = across_families(inside.trained, study.facts)
    found = []
    for metric in METRICS:
        a, b = (study.table(data, metric, partial=True) for data in (inside, out))
        raw = [study.table(data, metric).mean(pairs) for data in (inside, out)]
        found.append(
            Contrast(
                outside=outside,
                metric=metric,
                n=a.n,
                pairs=len(pairs),
                inside=a.mean(pairs),
                out=b.mean(pairs),
                difference=a.mean(pairs).minus(b.mean(pairs)),
                raw=raw[0].minus(raw[1]),
                steady=steady(a, b, study.facts)[0],
            )
        )
    return found


def series(study: Study, kind: str, *, partial: bool = True) -> list[Step]:
    """Alignment along one graded series, on the crystals every level has for every model."""
    levels = _levels(study, kind)
    pairs = across_families(next(iter(levels.values())).trained, study.facts)
    if len(levels) < 2 or not pairs:
        return []
    return [
        step
        for metric in METRICS
        for step in curve(
            {level: study.table(data, metric, partial=partial) for level, data in levels.items()},
            pairs,
            kind=kind,
        )
    ]


def _levels(study: Study, kind: str) -> dict[float, SplitData]:
    """Return the crystals at each level that models at hand have read."""
    start = 1.0 if kind == "volume" else 0.0
    found = {start: study.data(CRYSTALS)}
    for level in SERIES[kind]:
        with suppress(ConfigurationError):  # no pack holds it, and no model is run
            if (data := study.data(graded(kind, level))).trained:
                found[level] = data
    models = [m for m in found[start].embeddings if all(m in d.embeddings for d in found.values())]
    common = set.intersection(*({_base(s.id) for s in data.samples} for data in found.values()))
    return {level: data.only(models).where(common, _base) for level, data in found.items()}


def _base(sample: str) -> str:
    return sample.partition("@")[0]


def placements(study: Study, split: str) -> list[Placement]:
    """Place every model on one split; a split without labels takes performance from its own."""
    data = study.data(split)
    source = study.data(CRYSTALS) if split not in LABEL else data
    labels = data.labels(LABEL[split]) if split in LABEL else None
    return placed_on(data, labels, probe_errors(study, source, method="ridge"))


def placed_on(
    data: SplitData, labels: Float64 | None, errors: Mapping[str, float]
) -> list[Placement]:
    """Place every model of a split but the descriptors, which are neither models nor bars."""
    shown = [m for m in data.embeddings if data.facts[m].control != "descriptor"]
    return place_models(
        data.only(shown).embeddings,
        data.facts,
        covariates=data.covariates,
        labels=labels,
        errors={m: e for m, e in errors.items() if m in shown},
        spec=metric_spec("cknna", k=min(25, data.n // 4)),
        split=data.split,
        controls=data.controls,
    )


def _claims(
    contrasts: Sequence[Contrast],
    steps: Sequence[Step],
    placed: dict[str, list[Placement]],
    facts: Mapping[str, ModelFacts],
    *,
    read: Iterable[str],
) -> list[Claim]:
    by = {metric: [c for c in contrasts if c.metric == metric] for metric in METRICS}

    def told(metric: str) -> str:
        return "; ".join(
            f"{c.outside}: in {c.inside}, out {c.out}, difference {c.difference} (raw {c.raw})"
            + ("" if c.steady else " (sign depends on one family)")
            for c in by[metric]
        )

    kinds = {facts[one.model].family for one in placed[CRYSTALS] if facts[one.model].pretrained}
    families = f"{len(kinds)} families, undecided where one of them decides the sign."
    graded_families = len({facts[m].family for m in read if facts[m].pretrained})
    away = [s for s in steps if s.kind == "rattle" and s.metric == "cknna" and s.level > 0]
    outside = [one for one in placed["mp-perturbed"] if facts[one.model].pretrained]
    collapsed = sum(one.regime == "collapsed" for one in outside)
    return [
        Claim(
            id="cknna-higher-in",
            would_change="A set out of distribution of the same compositions and sizes as the "
            "one in it.",
            statement="Local alignment (CKNNA) is higher in distribution than out of it.",
            verdict=_of_contrasts(by["cknna"], sign=1),
            numbers=told("cknna"),
            caveat=f"{families} The sets differ in composition and size too; the graded "
            "series, where only geometry changes, is the cleaner test.",
        ),
        Claim(
            id="cknna-falls-with-rattling",
            would_change="A curve that stays level to the largest rattling over more families.",
            statement="The further from equilibrium, the lower the local alignment (the graded "
            "form of the claim above).",
            verdict=of_signs([s.change.negated() for s in away[-1:]]),
            numbers="; ".join(
                f"rattled by {s.level:g} Å: {s.mean}, change {s.change}" for s in away
            ),
            caveat=f"Same crystals at every level, {graded_families} families; the paper has two "
            "points only.",
        ),
        Claim(
            id="global-higher-out",
            would_change="The same sign on every set and without every family.",
            statement="Global alignment (distance correlation) is higher out of distribution.",
            verdict=_of_contrasts(by["distance_correlation"], sign=-1),
            numbers=told("distance_correlation"),
            caveat="Bias-corrected distance correlation; the paper's biased form grows with "
            "width over samples whatever the data.",
        ),
        Claim(
            id="imbalance-crowds-out",
            would_change="The same sign on every set and without every family.",
            statement="Out of distribution pairs crowd towards equal information (lower "
            "information imbalance) than in distribution.",
            verdict=_of_contrasts(by["information_imbalance"], sign=1),
            numbers=told("information_imbalance"),
            caveat="Mean of both directions over pairs of different families.",
        ),
        Claim(
            id="collapse-out",
            would_change="Potentials whose embeddings hold no more than composition and size "
            "off equilibrium.",
            statement="Out of distribution models collapse to incomplete information.",
            verdict="not reproduced"
            if not collapsed and all(one.regime != "undecided" for one in outside)
            else ("reproduced" if collapsed > len(outside) / 2 else "undecided"),
            numbers=f"{collapsed} of {len(outside)} pretrained models on mp-perturbed carry "
            "nothing beyond composition and size: "
            + "; ".join(f"{one.model} beyond {one.beyond}, {one.regime}" for one in outside),
            caveat="Tests the strong reading: nothing left but composition and size.",
        ),
    ]


def _of_contrasts(found: Sequence[Contrast], *, sign: int) -> Verdict:
    """Verdict on differences of one sign; none where a single family decides one."""
    if not all(one.steady for one in found):
        return "undecided"
    return of_signs([one.difference if sign > 0 else one.difference.negated() for one in found])


def _contrast_table(contrasts: Sequence[Contrast]) -> Table:
    return Table(
        caption="Equilibrium crystals against other sets",
        head=[
            *("set", "metric", "n", "pairs", "in, partial", "out, partial", "in - out"),
            *("sign without each family", "in - out, raw"),
        ],
        rows=[
            [
                c.outside,
                c.metric,
                c.n,
                c.pairs,
                c.inside,
                c.out,
                c.difference,
                "kept" if c.steady else "changes",
                c.raw,
            ]
            for c in contrasts
        ],
    )


def _series_table(steps: Sequence[Step], raw: Sequence[Step]) -> Table:
    return Table(
        caption="Graded series on the same crystals (rattling in Å, strain bound, V/V0)",
        head=["series", "level", "metric", "n", "partial", "change, paired", "raw", "change"],
        rows=[
            [s.kind, f"{s.level:g}", s.metric, s.n, s.mean, s.change, r.mean, r.change]
            for s, r in zip(steps, raw, strict=True)
        ],
    )


def _response_table(study: Study) -> Table:
    rows = []
    for kind in SERIES:
        levels = _levels(study, kind)
        start, *others = levels.items()
        for model in start[1].embeddings:
            moved = [
                f"{level:g}: {response(start[1].embeddings[model], data.embeddings[model])}"
                for level, data in others
            ]
            if study.facts[model].pretrained or study.facts[model].control == "composition":
                rows.append([kind, model, "; ".join(moved)])
    return Table(
        caption="How far a crystal moves when perturbed, relative to different crystals' distance",
        head=["series", "model", "squared displacement over twice the variance, by level"],
        rows=rows,
    )


def placement_table(split: str, found: Sequence[Placement]) -> Table:
    """Placements as rows."""
    return Table(
        caption=f"Placement on {split} (n = {found[0].n}; a network of composition and size "
        f"alone shows up to {found[0].threshold:.2f} beyond)",
        head=["model", "regime", "beyond", "shared over controls", "useful over controls", "with"],
        rows=[
            [p.model, p.regime, p.beyond, p.shared, p.useful or "no label", p.reference]
            for p in found
        ],
    )


def _series_figure(steps: Sequence[Step]) -> Figure:
    panels: dict[str, dict[str, list[tuple[float, Interval]]]] = {}
    for step in steps:
        lines = panels.setdefault(step.kind, {})
        lines.setdefault(step.metric, []).append((step.level, step.mean))
    return curves(
        panels,
        name="graded",
        caption="Mean alignment of potentials of different families on the same crystals, "
        "perturbed more and more; the imbalance is lower where models agree.",
        x="level (Å, strain, V/V0)",
        y="mean over pairs",
    )


def _plane_figure(study: Study) -> Figure:
    panels = {}
    for split in (CRYSTALS, *OUTSIDE):
        inside, out = matched(study, split)
        data = inside if split == CRYSTALS else out
        table = study.table(data, "information_imbalance")
        groups: dict[str, list[tuple[float, float]]] = {
            "different families": [],
            "one family": [],
            "with a control": [],
        }
        facts = [study.facts[model] for model in table.models]
        for (i, a), (j, b) in combinations(enumerate(facts), 2):
            group = "one family" if a.family == b.family else "different families"
            if not (a.pretrained and b.pretrained):
                group = "with a control"
            groups[group].append((float(table.values[i, j]), float(table.values[j, i])))
        panels[f"{split} (n = {table.n})"] = groups
    return scatter(
        panels,
        name="plane",
        caption="Information-imbalance plane: bottom left the same information, top right none "
        "in common.",
        x="imbalance a to b",
        y="imbalance b to a",
        unit_square=True,
    )


def _placement_figure(placed: dict[str, list[Placement]]) -> Figure:
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for split, found in placed.items():
        groups: dict[str, list[tuple[float, float]]] = {}
        for one in found:
            point = (one.beyond.value, one.shared.value)
            groups.setdefault(one.regime, []).append(point)
        panels[split] = groups
    return scatter(
        panels,
        name="placement",
        caption="Where models and controls stand: variance beyond composition and size against "
        "the lead over the best control in partial alignment.",
        x="beyond composition and size",
        y="shared, over the best control",
    )
