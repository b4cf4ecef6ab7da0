"""Section: intrinsic dimension of every model and split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pytest_matalign.analysis.interval import Interval
from pytest_matalign.study.claims.regimes import matched
from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.figures import intervals
from pytest_matalign.study.measures.dimension import dimensions, median
from pytest_matalign.study.plan import CRYSTALS, MOLECULES, PROTEINS, graded
from pytest_matalign.study.report import Claim, Section, Table, untestable
from pytest_matalign.study.verdict import of_signs

TEXT = """
TwoNN on the raw features, with a delete-a-group jackknife over samples; the MLE with k = 50, which
the paper seems to use, beside it. The paper has 50,000 samples. At a few hundred the neighbours
are far apart: the MLE with k = 50 then reads low for data of high dimension, so its values here
are no test of the paper's; differences between splits and models at the same n are.

"Typical" is the median over pretrained models of one modality; its interval is the median of their
ends, because models share their samples and err together.
"""
TYPICAL = (
    (MOLECULES, 5.0, "QM9", "QM9"),
    (CRYSTALS, 8.0, "near-equilibrium crystals", "sAlex"),
)
"""Dimensions the paper gives: split, value, what is compared, the paper's data."""
BAND = 2.0
"""How far from the paper's value, as a ratio, still counts as the same."""


def section(study: Study) -> Section:
    """Dimensions on three splits and their change off equilibrium."""
    splits = {split: study.data(split) for split in (MOLECULES, CRYSTALS, PROTEINS)}
    twonn = {split: dimensions(data.embeddings) for split, data in splits.items()}
    mle = {split: dimensions(data.embeddings, method="mle") for split, data in splits.items()}
    return Section(
        id="dimension",
        title="Intrinsic dimension",
        text=TEXT,
        tables=[_table(data, twonn[split], mle[split]) for split, data in splits.items()],
        figures=[
            intervals(
                list(twonn[split].items()),
                name=f"dimension-{split}",
                caption=f"Intrinsic dimension on {split} (TwoNN, n = {data.n}).",
                x="intrinsic dimension",
            )
            for split, data in splits.items()
        ],
        claims=[
            *(
                _typical(splits[split], twonn[split], mle[split], target, what, theirs)
                for split, target, what, theirs in TYPICAL
            ),
            _off_equilibrium(study),
            _random(splits[MOLECULES], twonn[MOLECULES]),
            _by_kind(splits[CRYSTALS]),
        ],
    )


def _typical(
    data: SplitData,
    twonn: Mapping[str, Interval],
    mle: Mapping[str, Interval],
    target: float,
    what: str,
    theirs: str,
) -> Claim:
    chosen = [twonn[model] for model in data.potentials]
    typical = median(chosen)
    values = [one.value for one in chosen]
    near = typical.low <= BAND * target and typical.high >= target / BAND
    return Claim(
        id=f"dimension-{data.split}",
        would_change="Another estimator of dimension that differs by more than a factor of two.",
        statement=f"On {what} potentials have an intrinsic dimension of about {target:g} "
        f"({theirs} in the paper), in a narrow band.",
        verdict="reproduced" if near and max(values) <= 2 * min(values) else "not reproduced",
        numbers=f"median TwoNN {typical}, from {min(values):.1f} to {max(values):.1f} over "
        f"{len(values)} potentials; MLE with k = 50 {median([mle[m] for m in data.potentials])}; "
        f"n = {data.n}",
        caveat="Reproduced means within a factor of two of the paper's value and a factor of two "
        "between models: n is two orders of magnitude below the paper's.",
    )


def _off_equilibrium(study: Study) -> Claim:
    gaps, told = [], []
    for outside in ("mp-perturbed", graded("rattle", 0.5)):
        inside, out = matched(study, outside)
        models = inside.potentials
        base, moved = (dimensions(data.only(models).embeddings) for data in (inside, out))
        differences = [moved[m].minus(base[m]) for m in models]
        gap = median(differences)
        gaps.append(gap)
        higher = sum(d.value > 0 for d in differences)
        told.append(f"{outside}: {gap} (n = {inside.n}), higher for {higher} of {len(models)}")
    return Claim(
        id="dimension-off-equilibrium",
        would_change="A graded series along which the dimension rises for every family.",
        statement="Structures off equilibrium have a higher intrinsic dimension (OMat24 above "
        "sAlex in the paper).",
        verdict=of_signs(gaps),
        numbers="median over potentials of the change from equilibrium: " + "; ".join(told),
        caveat="Intervals take the two splits as independent samples, which is wide for the same "
        "crystals rattled.",
    )


def _random(data: SplitData, by: Mapping[str, Interval]) -> Claim:
    highest = max((by[m] for m in data.trained), key=lambda one: one.value)
    gap = by["random"].minus(highest) if "random" in by else None
    return Claim(
        id="dimension-random",
        would_change="A model whose dimension is that of noise.",
        statement="Random features have a much higher intrinsic dimension than models on QM9.",
        verdict=of_signs([gap] if gap else []),
        numbers=f"random {by['random']}; highest model {highest}" if gap else "no random control",
    )


def _by_kind(crystals: SplitData) -> Claim:
    kinds = Counter(crystals.facts[model].kind for model in crystals.potentials)
    told = ", ".join(f"{kinds[kind]} {kind}" for kind in ("invariant", "equivariant", "vanilla"))
    return untestable(
        "dimension-by-kind",
        "Intrinsic dimension rises from invariant over equivariant to vanilla embeddings.",
        "Adapters of the models that ship with packages give one kind of embedding only.",
        numbers=f"potentials on crystals by kind of embedding: {told}",
    )


def _table(data: SplitData, twonn: Mapping[str, Interval], mle: Mapping[str, Interval]) -> Table:
    return Table(
        caption=f"Intrinsic dimension on {data.split} (n = {data.n})",
        head=["model", "modality", "kind", "TwoNN", "MLE, k = 50"],
        rows=[
            [m, data.facts[m].modality, data.facts[m].kind, twonn[m], mle[m]]
            for m in data.embeddings
        ],
    )
