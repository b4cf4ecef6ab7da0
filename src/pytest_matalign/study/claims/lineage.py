"""Section: the evolutionary tree, and what drives alignment."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_matalign.analysis.interval import Interval
from pytest_matalign.analysis.tree import Tree, evolutionary_tree, profile_distances
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.spec import metric_spec
from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.figures import heatmap, tree
from pytest_matalign.study.measures.drivers import Driver, drivers, explained, nested
from pytest_matalign.study.measures.modality import across_families, pairs_where
from pytest_matalign.study.plan import CRYSTALS, MOLECULES
from pytest_matalign.study.report import Claim, Figure, Section, Table
from pytest_matalign.study.verdict import of_signs

TEXT = """
Distances are square roots of the Jensen-Shannon divergence of CKNNA profiles (the paper's
equations A9 to A12) among the pretrained models that read structures; trees are joined by
neighbour joining, and the support of a branch is the share of half-samples whose tree has it.

Variance explained is distance-based (as in permutational analysis of variance); a factor with
more levels explains more by itself, so what as many random groups explain stands beside it.
"Beyond" is what a factor adds to the other. Family and corpus are confounded: where a family was
trained on one corpus only, nothing can tell the two apart, and variants fine-tuned from each other
share weights as well as a family. The distances published with the paper's data give family more
than corpus in every data set (0.74 and 0.46 on OMat24), against its headline.
"""
SPLITS = (CRYSTALS, "mp-perturbed", "core-mofs", MOLECULES)
FACTORS = ("family", "corpus")


def section(study: Study) -> Section:
    """Trees on crystals and molecules; variance explained in and out of distribution."""
    whole = {split: study.data(split) for split in SPLITS}
    spaces = {split: data.only(data.potentials) for split, data in whole.items()}
    found = {split: _drivers(study, data) for split, data in spaces.items()}
    grown = {
        split: evolutionary_tree(
            spaces[split].embeddings, metric_spec("cknna", k=min(25, spaces[split].n // 8))
        )
        for split in (CRYSTALS, MOLECULES)
    }
    gaps = {split: _gap(study, data) for split, data in spaces.items()}
    return Section(
        id="lineage",
        title="The tree of models, and what drives alignment",
        text=TEXT,
        tables=[
            _driver_table(found),
            *[_clade_table(study, split, one) for split, one in grown.items()],
            Table(
                caption="Trees in Newick format",
                head=["split", "tree"],
                rows=[[split, one.newick] for split, one in grown.items()],
            ),
        ],
        figures=[
            *[
                tree(
                    one.newick,
                    name=f"tree-{split}",
                    caption=f"Neighbour-joining tree on {split}, support in percent.",
                )
                for split, one in grown.items()
            ],
            *[_heatmap(study, split) for split in (CRYSTALS, MOLECULES)],
        ],
        claims=[
            Claim(
                id="corpus-rules-in",
                statement="In distribution, training data decides alignment more than "
                "architecture.",
                verdict=of_signs([gaps[CRYSTALS]]),
                numbers=_told(CRYSTALS, found[CRYSTALS], gaps[CRYSTALS]),
                caveat=_confounding(study, spaces[CRYSTALS]),
            ),
            Claim(
                id="family-rules-out",
                statement="Out of distribution, architecture decides more than training data.",
                verdict=of_signs(
                    [gaps[split].negated() for split in ("mp-perturbed", "core-mofs")]
                ),
                numbers="; ".join(_told(split, found[split], gaps[split]) for split in SPLITS[1:3]),
                caveat=_confounding(study, spaces["core-mofs"]),
            ),
            _corpus_fades(study, spaces),
            _tree_claim(study, grown[CRYSTALS]),
            _triple(study, spaces),
            _within_family(study, spaces),
        ],
    )


def _drivers(study: Study, data: SplitData) -> list[Driver]:
    table = study.table(data, "cknna")
    return drivers(profile_distances(table.values), table.models, study.facts, factors=FACTORS)


def _gap(study: Study, data: SplitData) -> Interval:
    """Variance explained by corpus less that by family."""
    table = study.table(data, "cknna")
    labels = [[getattr(study.facts[m], f) for m in table.models] for f in ("corpus", "family")]

    def difference(matrix: Float64) -> float:
        d = profile_distances(matrix)
        return explained(d, labels[0]) - explained(d, labels[1])

    return table.statistic(difference)


def _told(split: str, found: list[Driver], gap: Interval) -> str:
    parts = [
        f"{one.factor} {one.explained:.2f} (random groups {one.permuted:.2f}, "
        f"p = {one.p_value:.3f}; beyond the other {one.beyond:.2f})"
        for one in found
    ]
    return f"{split}: {', '.join(parts)}; corpus less family {gap}"


def _confounding(study: Study, data: SplitData) -> str:
    models = data.trained
    families = len({study.facts[m].family for m in models})
    corpora = len({study.facts[m].corpus for m in models})
    text = f"{len(models)} models, {families} families, {corpora} corpora."
    if nested(models, study.facts, "corpus", "family"):
        return text + " Each corpus belongs to one family: the two cannot be told apart."
    return text + " Family and corpus overlap, and one model stands alone in both."


def _corpus_fades(study: Study, spaces: Mapping[str, SplitData]) -> Claim:
    shares = {}
    for split in (CRYSTALS, "mp-perturbed"):
        table = study.table(spaces[split].first(spaces["mp-perturbed"].n), "cknna")
        labels = [study.facts[m].corpus for m in table.models]
        shares[split] = table.statistic(
            lambda matrix, labels=labels: explained(profile_distances(matrix), labels)  # type: ignore[misc]  # a default binds the loop's labels
        )
    gap = shares[CRYSTALS].minus(shares["mp-perturbed"])
    return Claim(
        id="corpus-fades-out",
        statement="Training data matters less out of distribution than in it.",
        verdict=of_signs([gap]),
        numbers=f"variance explained by corpus: in {shares[CRYSTALS]}, out "
        f"{shares['mp-perturbed']}, difference {gap}",
        caveat="On the published distances .46 in and .32 out.",
    )


def _tree_claim(study: Study, grown: Tree) -> Claim:
    clades = _clades(study, grown)
    families = [one for one in clades if one[0] == "family"]
    corpora = [one for one in clades if one[0] == "corpus"]
    by_corpus = [share for *_, share in corpora if share is not None and share >= 0.5]
    by_family = [share for *_, share in families if share is not None and share >= 0.5]
    whole = len(by_corpus) == len(corpora) and len(corpora) > 0
    return Claim(
        id="tree-order",
        statement="The tree groups models by training data first, then by architecture.",
        verdict="not testable here"
        if not families or not corpora
        else ("reproduced" if whole and len(by_family) < len(families) else "not reproduced"),
        numbers="clades found in at least half of the half-samples: "
        f"{len(by_family)} of {len(families)} families, {len(by_corpus)} of {len(corpora)} corpora"
        " with two models or more",
        caveat="Only families and corpora of two to all but one model can form a clade.",
    )


def _clades(study: Study, grown: Tree) -> list[tuple[str, str, float | None]]:
    found: list[tuple[str, str, float | None]] = []
    for factor in FACTORS:
        values = [str(getattr(study.facts[m], factor)) for m in grown.models]
        for value in dict.fromkeys(values):
            group = [m for m, v in zip(grown.models, values, strict=True) if v == value]
            if 1 < len(group) < len(grown.models) - 1:
                found.append((factor, value, grown.holds(group)))
    return found


def _triple(study: Study, spaces: Mapping[str, SplitData]) -> Claim:
    """The paper's one printed example, with the models at hand that come closest to it."""
    statement = (
        "Two families trained on one corpus are closer than one family trained on two "
        "(eSEN and EquiformerV2 on OMat24 in the paper), in distribution."
    )
    a, b, c = "sevennet-0", "chgnet-0.3.0", "sevennet-mf-0-r2scan"
    gaps = {}
    for split in (CRYSTALS, MOLECULES):
        table = study.table(spaces[split], "cknna")
        if all(m in table.models for m in (a, b, c)):
            gaps[split] = table.lead([(a, b)], [(a, c)])
    return Claim(
        id="one-corpus-two-families",
        statement=statement,
        verdict=of_signs([gaps[CRYSTALS]] if CRYSTALS in gaps else []),
        numbers="; ".join(
            f"{split}: CKNNA of {a} with {b} less that with {c}: {gap}"
            for split, gap in gaps.items()
        ),
        caveat=f"{c} was trained on MPtrj as well as on r2SCAN data, so the corpora overlap.",
    )


def _within_family(study: Study, spaces: Mapping[str, SplitData]) -> Claim:
    gaps, told, facts = [], [], study.facts
    for split in (CRYSTALS, MOLECULES):
        data = spaces[split]
        table = study.table(data, "cknna")
        other = across_families(data.trained, study.facts)
        same = pairs_where(data.trained, lambda a, b: facts[a].family == facts[b].family)
        other = across_families(data.trained, facts)
        gap = table.lead(same, other)
        gaps.append(gap)
        told.append(
            f"{split}: within families {table.mean(same)}, across {table.mean(other)}, "
            f"difference {gap}"
        )
    return Claim(
        id="within-family",
        statement="Models of one family align strongly with each other (the paper's argument for "
        "distillation from size to size).",
        verdict=of_signs(gaps),
        numbers="; ".join(told),
        caveat="The packages ship versions, fidelities and depths of a family, not a series of "
        "sizes; some are fine-tuned from each other.",
    )


def _driver_table(found: Mapping[str, list[Driver]]) -> Table:
    return Table(
        caption="Distance-based variance explained (999 permutations)",
        head=["split", "factor", "levels", "alone", "random groups", "p", "beyond the other", "p"],
        rows=[
            [
                split,
                one.factor,
                one.levels,
                f"{one.explained:.2f}",
                f"{one.permuted:.2f}",
                f"{one.p_value:.3f}",
                f"{one.beyond:.2f}",
                f"{one.beyond_p_value:.3f}",
            ]
            for split, several in found.items()
            for one in several
        ],
    )


def _clade_table(study: Study, split: str, grown: Tree) -> Table:
    return Table(
        caption=f"Clades on {split}: is there a branch that sets the group apart?",
        head=["factor", "group", "support"],
        rows=[
            [factor, value, "no such branch" if share is None else f"{100 * share:.0f} %"]
            for factor, value, share in _clades(study, grown)
        ],
    )


def _heatmap(study: Study, split: str) -> Figure:
    data = study.data(split)
    table = study.table(data, "cknna")
    return heatmap(
        table.values,
        table.models,
        name=f"cknna-{split}",
        caption=f"CKNNA of all models and controls on {split} (n = {table.n}, k = {table.spec.k}).",
    )
