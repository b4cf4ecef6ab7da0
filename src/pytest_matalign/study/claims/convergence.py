"""Section: do models that perform better align better?"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np

from pytest_matalign.analysis.convergence import Convergence, convergence
from pytest_matalign.analysis.interval import Interval
from pytest_matalign.study.claims.accuracy import force_errors
from pytest_matalign.study.claims.performance import energy_errors, probe_errors
from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.figures import scatter
from pytest_matalign.study.measures.modality import across_families, pairs_where
from pytest_matalign.study.plan import CRYSTALS, ELEMENTS, MOLECULES
from pytest_matalign.study.report import Claim, Figure, Section, Table, untestable
from pytest_matalign.study.verdict import of_correlation, of_signs

TEXT = """
Performance is measured in three ways: by the potentials' own energies, after a linear fit on
composition is taken off prediction and reference alike (the paper's measure, here per atom); on
crystals by their forces on elements in motion as well, which no fit can flatter; and by probes:
cross-validated ridge regressions from the frozen embedding to every label of the split, once what
composition and size predict of the label is taken off. The reference is the best performer. The
paper scores the reference's relatives too, whose alignment with it is high whatever they perform;
"unrelated" leaves its family out.

Variants of one family are not independent of each other: a claim is judged by the correlation over
families, a permutation of these, and what it is without each of them. Crystals of the Materials
Project are likely to be among the training data of most of these potentials.
"""


def section(study: Study) -> Section:
    """Performance against alignment on crystals and on molecules."""
    crystals, molecules = study.data(CRYSTALS), study.data(MOLECULES)
    found: dict[str, Convergence] = {}
    energies = {}
    for data, metric in ((crystals, "cknna"), (molecules, "distance_correlation")):
        energies[data.split] = energy_errors(study, data)
        measured = {
            "energy": {model: one.value for model, one in energies[data.split].items()},
            "probes": probe_errors(study, data, method="ridge"),
            "kNN probes": probe_errors(study, data, method="knn"),
        }
        if data.split == CRYSTALS and study.plan.energies and ELEMENTS in study.plan.sizes:
            measured["forces on elements"] = _forces(study)
        for what, errors in measured.items():
            if len(errors) < 2:
                continue
            for lens, related in product(("partial", "raw"), (True, False)):
                name = f"{data.split}, {what}, {'related too' if related else 'unrelated'}, {lens}"
                table = study.table(data, metric, partial=lens == "partial")
                found[name] = convergence(table, errors, study.facts, related=related)
    return Section(
        id="convergence",
        title="Convergence with performance",
        text=TEXT,
        tables=[
            _correlation_table(found),
            *[_energy_table(split, errors) for split, errors in energies.items() if errors],
            _probe_table(study, crystals),
            _probe_table(study, molecules),
        ],
        figures=[_figure(found, study)],
        claims=[
            _convergence_claim(
                "convergence-in",
                "In distribution, lower energy error goes with higher alignment (CKNNA) to the "
                "best model.",
                found,
                CRYSTALS,
            ),
            _convergence_claim(
                "convergence-qm9",
                "On QM9, models with lower energy error align more (distance correlation) with "
                "the best model.",
                found,
                MOLECULES,
            ),
            _local_optimum(study, molecules),
        ],
    )


def _convergence_claim(
    name: str, statement: str, found: Mapping[str, Convergence], split: str
) -> Claim:
    tests = {key: one for key, one in found.items() if key.startswith(f"{split},")}
    told = "; ".join(
        f"{key.removeprefix(split + ', ')}: {in_words(one)}" for key, one in tests.items()
    )
    by = "energy" if f"{split}, energy, unrelated, partial" in tests else "probes"
    judged = tests.get(f"{split}, {by}, unrelated, partial")
    verdict = of_correlation(judged.correlation if judged else None)
    if verdict == "not testable here":
        caveat = "Fewer than four models unrelated to the best performer."
        return untestable(name, statement, caveat, numbers=told or "no model with a performance")
    return Claim(
        id=name,
        would_change="Five unrelated families or more, and a sign that none of them decides.",
        statement=statement,
        verdict=verdict,
        numbers=told,
        caveat=f"Judged by the partial alignment of unrelated models and their {by}, with families "
        "as the units: undecided where a permutation over families is not below 0.05 or the sign "
        "hangs on one."
        + ("" if by == "energy" else " The paper's measure is energies, left out of this run."),
    )


def in_words(one: Convergence) -> str:
    """A correlation in words."""
    c = one.correlation
    if c is None:
        return f"{len(one.models)} models scored against {one.reference}, too few"
    text = f"rho {c.value:.2f} over {c.models} models against {one.reference}"
    if c.without:
        ends = min(c.without.values()), max(c.without.values())
        text += f", {ends[0]:.2f} to {ends[1]:.2f} without one family"
    if c.family_value is None or c.p_value is None:
        return f"{text}; {c.families} families are too few to judge by"
    return f"{text}; over {c.families} families {c.family_value:.2f} (p = {c.p_value:.3f})"


def _local_optimum(study: Study, data: SplitData) -> Claim:
    """The paper's MACE-OFF: trained on organic molecules, accurate on QM9, yet weakly aligned."""
    statement = (
        "A potential trained on organic molecules alone is accurate on QM9 yet aligns weakly with "
        "universal potentials (MACE-OFF in the paper)."
    )
    organic = [m for m in data.potentials if study.facts[m].molecules_only]
    universal = [m for m in data.potentials if m not in organic]
    apart = pairs_where(data.potentials, lambda a, b: (a in organic) != (b in organic))
    among = across_families(universal, study.facts)
    if not apart or not among:
        return untestable("local-optimum", statement, numbers="potentials of both kinds are needed")
    gap = study.table(data, "distance_correlation").lead(among, apart)
    errors = probe_errors(study, data, method="ridge")
    means = [float(np.mean([errors[x] for x in group])) for group in (organic, universal)]
    accurate = means[0] <= means[1]
    verdict = of_signs([gap])
    return Claim(
        id="local-optimum",
        would_change="A potential of a universal architecture trained on organic molecules alone.",
        statement=statement,
        verdict=verdict if accurate or verdict != "reproduced" else "not reproduced",
        numbers=f"distance correlation of universal potentials of different families less that "
        f"of organic with universal ones: {gap}; variance left unexplained by probes: organic "
        f"{means[0]:.3f}, universal {means[1]:.3f}",
        caveat=f"Stands in for MACE-OFF: {', '.join(organic)}. Family and training data change "
        "together, so neither can be blamed alone.",
    )


def _forces(study: Study) -> dict[str, float]:
    return {model: one.value for model, (one, _) in force_errors(study).items()}


def _correlation_table(found: Mapping[str, Convergence]) -> Table:
    return Table(
        caption="Rank correlation of error and alignment with the best performer "
        "(negative: better models align better)",
        head=["split, performance, models scored, lens", "result"],
        rows=[[name, in_words(one)] for name, one in found.items()],
    )


def _energy_table(split: str, errors: Mapping[str, Interval]) -> Table:
    ordered = sorted(errors.items(), key=lambda item: item[1].value)
    return Table(
        caption=f"Energies on {split}: mean absolute error after a composition fit on both sides "
        "(with a parameter an element: small beside the samples on molecules, not on crystals, "
        "where all errors come out too small)",
        head=["model", "error, eV/atom"],
        rows=ordered,
    )


def _probe_table(study: Study, data: SplitData) -> Table:
    taken = study.probes(data, "ridge")
    names = data.label_names()
    return Table(
        caption=f"Ridge probes on {data.split} (n = {data.n}): share of a label's variance beyond "
        "composition and size that can be read off",
        head=["model", *names],
        rows=[
            [model, *[f"{by_label[name].score.value:.2f}" for name in names]]
            for model, by_label in taken.items()
        ],
    )


def _figure(found: Mapping[str, Convergence], study: Study) -> Figure:
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for name, one in found.items():
        if not name.endswith("related too, partial") or "kNN" in name:
            continue
        groups: dict[str, list[tuple[float, float]]] = {}
        for model, error, alignment in zip(one.models, one.errors, one.alignments, strict=True):
            groups.setdefault(study.facts[model].family, []).append((error, alignment))
        panels[f"{name.removesuffix(', related too, partial')}: with {one.reference}"] = groups
    return scatter(
        panels,
        name="convergence",
        caption="Error against partial alignment with the best performer; its own family too.",
        x="error (eV/atom, or variance unexplained)",
        y="alignment with the best performer",
    )
