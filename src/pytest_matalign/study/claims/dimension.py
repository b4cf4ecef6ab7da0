"""Section: intrinsic dimension of every model and split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytest_matalign.analysis.interval import Interval
from pytest_matalign.study.claims.regimes import matched
from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.figures import intervals
from pytest_matalign.study.measures.dimension import ModelDimension, dimensions, median_dimension
from pytest_matalign.study.plan import CRYSTALS, MOLECULES, PROTEINS, graded
from pytest_matalign.study.report import Claim, Section, Table
from pytest_matalign.study.verdict import of_signs

TEXT = """
TwoNN on the raw features, with a delete-a-group jackknife over samples; the MLE with k = 50, which
the paper seems to use, beside it. The paper has 50,000 samples. At a few hundred the neighbours
are far apart: the MLE with k = 50 then reads low for data of high dimension, so its values here
are no test of the paper's; differences between splits and models at the same n are.

"Typical" is the median over pretrained models of one modality; its interval is the median of their
ends, because models share their samples and err together.
"""
BAND = 2.0
"""How far from the paper's value, as a ratio, still counts as the same."""


def section(study: Study) -> Section:
    """Dimensions on three splits and their change off equilibrium."""
    splits = {split: study.data(split) for split in (MOLECULES, CRYSTALS, PROTEINS)}
    found = {split: _both(data) for split, data in splits.items()}
    return Section(
        id="dimension",
        title="Intrinsic dimension",
        text=TEXT,
        tables=[
            _table(study, data, by_method)
            for (data, by_method) in zip(splits.values(), found.values(), strict=True)
        ],
        figures=[
            intervals(
                [(one.model, one.dimension) for one in found[split]["twonn"]],
                name=f"dimension-{split}",
                caption=f"Intrinsic dimension on {split} (TwoNN, n = {splits[split].n}).",
                x="intrinsic dimension",
            )
            for split in splits
        ],
        claims=[
            _typical(splits[MOLECULES], found[MOLECULES], 5.0, "QM9", "QM9"),
            _typical(splits[CRYSTALS], found[CRYSTALS], 8.0, "near-equilibrium crystals", "sAlex"),
            _off_equilibrium(study),
            _random(splits[MOLECULES], found[MOLECULES]["twonn"]),
            _by_kind(study, splits),
        ],
    )


def _both(data: SplitData) -> dict[str, list[ModelDimension]]:
    return {
        method: dimensions(data.embeddings, split=data.split, method=method)
        for method in ("twonn", "mle")
    }


def _space(data: SplitData) -> list[str]:
    return [m for m in data.trained if data.facts[m].modality == "3d"]


def _typical(
    data: SplitData,
    found: dict[str, list[ModelDimension]],
    target: float,
    what: str,
    theirs: str,
) -> Claim:
    models = _space(data)
    typical = median_dimension(found["twonn"], models)
    mle = median_dimension(found["mle"], models)
    chosen = [one.dimension.value for one in found["twonn"] if one.model in models]
    near = typical.low <= BAND * target and typical.high >= target / BAND
    return Claim(
        id=f"dimension-{data.split}",
        statement=f"On {what} potentials have an intrinsic dimension of about {target:g} "
        f"({theirs} in the paper), in a narrow band.",
        verdict="reproduced" if near and max(chosen) <= 2 * min(chosen) else "not reproduced",
        numbers=f"median TwoNN {typical}, from {min(chosen):.1f} to {max(chosen):.1f} over "
        f"{len(chosen)} potentials; MLE with k = 50 {mle}; n = {data.n}",
        caveat="Reproduced means within a factor of two of the paper's value and a factor of two "
        "between models: n is two orders of magnitude below the paper's.",
    )


def _off_equilibrium(study: Study) -> Claim:
    gaps, told = [], []
    for outside in ("mp-perturbed", graded("rattle", 0.5)):
        inside, out = matched(study, outside)
        models = _space(inside)
        base, moved = (
            {one.model: one.dimension for one in dimensions(d.embeddings, split=d.split)}
            for d in (inside.only(models), out.only(models))
        )
        differences = [moved[m].minus(base[m]) for m in models]
        gap = Interval(
            value=float(np.median([d.value for d in differences])),
            low=float(np.median([d.low for d in differences])),
            high=float(np.median([d.high for d in differences])),
        )
        gaps.append(gap)
        higher = sum(d.value > 0 for d in differences)
        told.append(f"{outside}: {gap} (n = {inside.n}), higher for {higher} of {len(models)}")
    return Claim(
        id="dimension-off-equilibrium",
        statement="Structures off equilibrium have a higher intrinsic dimension (OMat24 above "
        "sAlex in the paper).",
        verdict=of_signs(gaps),
        numbers="median over potentials of the change from equilibrium: " + "; ".join(told),
        caveat="Intervals take the two splits as independent samples, which is wide for the same "
        "crystals rattled.",
    )


def _random(data: SplitData, found: Sequence[ModelDimension]) -> Claim:
    by = {one.model: one.dimension for one in found}
    highest = max((by[m] for m in data.trained), key=lambda one: one.value)
    gap = by["random"].minus(highest) if "random" in by else None
    return Claim(
        id="dimension-random",
        statement="Random features have a much higher intrinsic dimension than models on QM9.",
        verdict=of_signs([gap] if gap else []),
        numbers=f"random {by['random']}; highest model {highest}" if gap else "no random control",
    )


def _by_kind(study: Study, splits: dict[str, SplitData]) -> Claim:
    kinds = {
        kind: [m for m in _space(splits[CRYSTALS]) if study.facts[m].kind == kind]
        for kind in ("invariant", "equivariant", "vanilla")
    }
    told = ", ".join(f"{len(models)} {kind}" for kind, models in kinds.items())
    return Claim(
        id="dimension-by-kind",
        statement="Intrinsic dimension rises from invariant over equivariant to vanilla "
        "embeddings.",
        verdict="not testable here",
        numbers=f"potentials on crystals by kind of embedding: {told}",
        caveat="Adapters of the models that ship with packages give one kind of embedding only.",
    )


def _table(study: Study, data: SplitData, found: dict[str, list[ModelDimension]]) -> Table:
    mle = {one.model: one.dimension for one in found["mle"]}
    return Table(
        caption=f"Intrinsic dimension on {data.split} (n = {data.n})",
        head=["model", "modality", "kind", "TwoNN", "MLE, k = 50"],
        rows=[
            [
                one.model,
                study.facts[one.model].modality,
                study.facts[one.model].kind,
                str(one.dimension),
                str(mle[one.model]),
            ]
            for one in found["twonn"]
        ],
    )
