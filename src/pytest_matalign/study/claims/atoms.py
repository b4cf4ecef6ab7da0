"""Section: single atoms, layers, and what pooling keeps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.analysis.interval import Interval
from pytest_matalign.analysis.pairs import PairTable, pair_table
from pytest_matalign.analysis.partial import CrossFit, project_out
from pytest_matalign.analysis.probes import advantage, probe
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.preprocessing import preprocess
from pytest_matalign.metrics.spec import metric_spec
from pytest_matalign.study.claims.atom_features import Layers, atom_layers, last_of
from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.figures import grid
from pytest_matalign.study.measures.atoms import ORDERS, atom_covariates, draw_atoms, pooled
from pytest_matalign.study.measures.modality import across_families, with_untrained
from pytest_matalign.study.plan import CRYSTALS, LABEL, MOLECULES, STRUCTURES
from pytest_matalign.study.report import Claim, Figure, Section, Table
from pytest_matalign.study.verdict import of_signs

ATOMS = 4
"""Atoms drawn of each structure."""
K = 10
SPEC = metric_spec("cknna", k=K)
NAMES = dict(zip(ORDERS, ("mean", "mean, spread", "mean, spread, skew"), strict=True))
ELEMENT, NOISE = "element", "random"
PAIR = ("chgnet-0.3.0", "sevennet-0")
"""Models of different architecture whose layers are compared one by one."""
TEXT = """
Potentials describe atoms; a structure's embedding is their mean. Here the same models are compared
atom by atom, on at most four atoms of each structure, beside the pooled comparison on the same
structures. Partial values have the atom's element, and composition and size of its structure,
projected out (folds and jackknife groups hold whole structures). The control *element* knows what
an atom is and what its structure is made of, *random* knows nothing.

Cumulants: the mean beside the roots of second and third cumulant of the atoms' features, each of
the same total variance. The probe reads off what composition and size leave of a label.

Layers: pooled features after each interaction of one network against each of another's.
"""


def section(study: Study) -> Section:
    """Compare atoms, poolings and layers on crystals and molecules."""
    tables, claims, figures = [], [], []
    for split in (CRYSTALS, MOLECULES):
        first = study.source.split(study.plan.split(split)).samples[:STRUCTURES]
        data = study.data(split).where({sample.id for sample in first})
        layers = atom_layers(study, data)
        last = {model: last_of(one) for model, one in layers.items()}
        local, whole = _atom_tables(data, last)
        tables += [_levels(study, split, local, whole), _poolings(study, data, last)]
        claims += [_atoms_claim(study, split, local), _pooling_claim(study, data, last)]
        if split == CRYSTALS:
            figures += _layer_figure(layers, data)
            tables += _layer_table(study, layers, data)
    return Section(
        id="atoms",
        title="Single atoms, layers and pooling",
        text=TEXT,
        tables=tables,
        figures=figures,
        claims=claims,
    )


def _atom_tables(
    data: SplitData, last: Mapping[str, list[Float64]]
) -> tuple[dict[str, PairTable], dict[str, PairTable]]:
    """Raw and partial tables of atoms, and of the structures pooled."""
    structures = [sample.atoms for sample in data.samples if sample.atoms is not None]
    rows = draw_atoms([len(atoms) for atoms in structures], most=ATOMS)
    covariates = atom_covariates([a.numbers for a in structures], rows, data.covariates)
    rng = np.random.Generator(np.random.PCG64([0, len(covariates)]))
    atoms = {model: rows.of(features) for model, features in last.items()}
    atoms |= {ELEMENT: covariates, NOISE: rng.normal(size=(len(covariates), 64))}
    whole = {model: data.embeddings[model] for model in last}
    whole |= {ELEMENT: data.covariates, NOISE: data.embeddings["random"]}
    fit = CrossFit(covariates, clusters=rows.structure)
    return (
        _raw_and_partial(atoms, fit, split=data.split, clusters=rows.structure),
        _raw_and_partial(whole, data.crossfit, split=data.split),
    )


def _raw_and_partial(
    spaces: Mapping[str, Float64],
    fit: CrossFit,
    *,
    split: str,
    clusters: NDArray[np.intp] | None = None,
) -> dict[str, PairTable]:
    left = project_out({m: x for m, x in spaces.items() if m != ELEMENT}, fit)
    return {
        name: pair_table(found, SPEC, split=split, clusters=clusters)
        for name, found in (("raw", spaces), ("partial", left))
    }


def _pairs(study: Study, table: PairTable) -> dict[str, list[tuple[str, str]]]:
    """Pairs of trained models of different families, and those with each control."""
    known = [m for m in table.models if m not in {ELEMENT, NOISE}]
    trained = [m for m in known if study.facts[m].pretrained]
    return {
        "trained, different families": across_families(known, study.facts),
        "trained with untrained of another family": with_untrained(known, study.facts),
        "trained with element and composition": [
            (m, ELEMENT) for m in trained if ELEMENT in table.models
        ],
        "trained with random": [(m, NOISE) for m in trained],
    }


def _levels(
    study: Study, split: str, local: Mapping[str, PairTable], whole: Mapping[str, PairTable]
) -> Table:
    rows = []
    for kind in _pairs(study, local["raw"]):
        cells: list[object] = [kind]
        for table in (local["raw"], local["partial"], whole["raw"], whole["partial"]):
            pairs = _pairs(study, table)[kind]
            cells.append(table.mean(pairs) if pairs else "projected out")
        rows.append(cells)
    return Table(
        caption=f"Atoms against structures on {split}: mean CKNNA, k = {K}, n = {local['raw'].n} "
        f"atoms of {whole['raw'].n} structures; chance is {K / (local['raw'].n - 1):.3f} for atoms "
        f"and {K / (whole['raw'].n - 1):.3f} for structures",
        head=["pairs", "atoms", "atoms, partial", "structures", "structures, partial"],
        rows=rows,
    )


def _atoms_claim(study: Study, split: str, local: Mapping[str, PairTable]) -> Claim:
    """Potentials share what single atoms are like, beyond element and composition."""
    table = local["partial"]
    trained, untrained, *_ = _pairs(study, table).values()
    lead = table.lead(trained, untrained) if untrained else None
    return Claim(
        id=f"atoms-{split}",
        would_change="Atoms whose surroundings are matched, over more families.",
        statement=f"On {split} potentials of different families agree about single atoms beyond "
        "element and composition (a shared geometry of atoms: Li and Walsh, arXiv 2512.05349).",
        verdict=of_signs([lead] if lead else []),
        numbers=f"partial CKNNA of trained pairs {table.mean(trained)}"
        + (f", lead over pairs with an untrained network {lead}" if lead else ""),
        caveat="Not a claim of the paper, which pools. Judged by the lead over untrained networks.",
    )


def _poolings(study: Study, data: SplitData, last: Mapping[str, list[Float64]]) -> Table:
    """Alignment and probes by number of cumulants pooled."""
    known, label = data.crossfit.label_residuals(data.labels(LABEL[data.split]))
    pairs = across_families(list(last), study.facts)
    bar = with_untrained(list(last), study.facts)
    rows = []
    for order, name in NAMES.items():
        embeddings = {m: pooled(features, order=order) for m, features in last.items()}
        table = pair_table(embeddings, SPEC, split=data.split)
        scores = [f"{probe(x[known], label).score.value:.2f}" for x in embeddings.values()]
        rows.append([name, table.mean(pairs), table.mean(bar) if bar else "none", *scores])
    return Table(
        caption=f"Pooling on {data.split} (n = {data.n}): alignment, and the share of "
        f"{LABEL[data.split]} beyond composition and size that a ridge probe reads off",
        head=["pooled", "mean CKNNA, different families", "trained with untrained", *last],
        rows=rows,
    )


def _pooling_claim(study: Study, data: SplitData, last: Mapping[str, list[Float64]]) -> Claim:
    """Whether cumulants above the mean add to what can be read off."""
    known, label = data.crossfit.label_residuals(data.labels(LABEL[data.split]))
    gains: dict[str, Interval] = {}
    for model, features in last.items():
        if study.facts[model].pretrained:
            mean, more = (
                probe(pooled(features, order=order)[known], label) for order in (1, max(ORDERS))
            )
            gains[model] = advantage(more, mean)
    return Claim(
        id=f"pooling-{data.split}",
        would_change="A label that a probe reads off higher cumulants surely better.",
        statement=f"On {data.split} mean pooling loses information that higher cumulants keep "
        "(Chorna et al., arXiv 2512.05717).",
        verdict=of_signs(list(gains.values())),
        numbers=f"variance of {LABEL[data.split]} read off beyond the mean's: "
        + "; ".join(f"{model} {gain}" for model, gain in gains.items()),
        caveat=f"Not a claim of the paper. {data.n} structures: three times as many features are "
        "harder to regress on, so a loss may be one of the probe.",
    )


def _layer_figure(layers: Mapping[str, Layers], data: SplitData) -> list[Figure]:
    """Layers of two models of different architecture against each other, where both are known."""
    if any(len(layers.get(model, ())) < 2 for model in PAIR):
        return []
    spaces = {
        f"{model} {name}": pooled(features, order=1)
        for model in PAIR
        for name, features in layers[model].items()
    }
    table = pair_table(spaces, SPEC, split=data.split)
    cut = len(layers[PAIR[0]])
    return [
        grid(
            table.values[:cut, cut:],
            table.models[:cut],
            table.models[cut:],
            name="layers",
            caption=f"CKNNA of pooled layers on {data.split} (n = {data.n}, k = {K}).",
        )
    ]


def _layer_table(study: Study, layers: Mapping[str, Layers], data: SplitData) -> list[Table]:
    """Each layer: best counterpart in other families, and what composition explains of it."""
    rows = []
    references = {
        model: pooled(last_of(one), order=1)
        for model, one in layers.items()
        if study.facts[model].pretrained
    }
    for model, one in layers.items():
        if len(one) < 2:
            continue
        family = study.facts[model].family
        others = {m: x for m, x in references.items() if study.facts[m].family != family}
        for name, features in one.items():
            x = pooled(features, order=1)
            table = pair_table({name: x} | others, SPEC, split=data.split)
            explained = data.crossfit.explained(preprocess(x, "center-l2"))
            rows.append([model, name, table.mean([(name, m) for m in others]), explained])
    return [
        Table(
            caption=f"Layers on {data.split} (n = {data.n}): mean CKNNA with the last layer of the "
            "potentials of other families, and the share of the layer that composition and size "
            "predict",
            head=["model", "layer", "CKNNA with others", "composition and size predict"],
            rows=rows,
        )
    ]
