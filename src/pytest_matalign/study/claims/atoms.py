"""Section: single atoms, layers, and what pooling keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pytest_matalign.analysis.interval import Interval
from pytest_matalign.analysis.pairs import PairTable, pair_table
from pytest_matalign.analysis.partial import CrossFit, project_out
from pytest_matalign.analysis.probes import advantage, probe
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.preprocessing import preprocess
from pytest_matalign.metrics.spec import metric_spec
from pytest_matalign.study.claims.atom_features import Layers, atom_layers
from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.figures import grid
from pytest_matalign.study.measures.atoms import ORDERS, atom_covariates, draw_atoms, pooled
from pytest_matalign.study.measures.modality import across_families, pairs_where
from pytest_matalign.study.plan import CRYSTALS, MOLECULES, STRUCTURES
from pytest_matalign.study.report import Claim, Figure, Section, Table
from pytest_matalign.study.verdict import of_signs

ATOMS = 4
"""Atoms drawn of each structure."""
K = 10
LABEL = {CRYSTALS: "formation_energy_eV", MOLECULES: "gap_Ha"}
ELEMENT, NOISE = "element", "random"
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
        data = study.data(split).where({sample.id for sample in first}, str)
        layers = atom_layers(study, data)
        last = {model: one.last for model, one in layers.items()}
        local, whole = _atom_tables(data, last)
        tables += [
            _levels(study, split, local, whole),
            _poolings(study, data, last),
        ]
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
    spec = metric_spec("cknna", k=K)
    fit = CrossFit(covariates, clusters=rows.structure)
    left = project_out({m: x for m, x in atoms.items() if m != ELEMENT}, fit)
    whole = {model: data.embeddings[model] for model in last}
    whole |= {ELEMENT: data.covariates, NOISE: data.embeddings["random"]}
    rest = project_out({m: x for m, x in whole.items() if m != ELEMENT}, data.crossfit)
    return (
        {
            "raw": pair_table(atoms, spec, split=data.split, clusters=rows.structure),
            "partial": pair_table(left, spec, split=data.split, clusters=rows.structure),
        },
        {
            "raw": pair_table(whole, spec, split=data.split),
            "partial": pair_table(rest, spec, split=data.split),
        },
    )


def _pairs(study: Study, table: PairTable) -> dict[str, list[tuple[str, str]]]:
    """Pairs of trained models of different families, and those with each control."""
    facts = study.facts
    known = [m for m in table.models if m not in {ELEMENT, NOISE}]
    trained = [m for m in known if facts[m].pretrained]
    return {
        "trained, different families": across_families(known, facts),
        "trained with untrained of another family": _untrained_pairs(study, known),
        "trained with element and composition": [
            (m, ELEMENT) for m in trained if ELEMENT in table.models
        ],
        "trained with random": [(m, NOISE) for m in trained],
    }


def _untrained_pairs(study: Study, models: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of a trained model and an untrained network of another family."""
    facts = study.facts
    return pairs_where(
        models,
        lambda a, b: (
            sorted([facts[a].control or "", facts[b].control or ""]) == ["", "untrained"]
            and facts[a].family != facts[b].family
        ),
    )


def _levels(
    study: Study, split: str, local: Mapping[str, PairTable], whole: Mapping[str, PairTable]
) -> Table:
    rows = []
    for kind in _pairs(study, local["raw"]):
        cells = [kind]
        for table in (local["raw"], local["partial"], whole["raw"], whole["partial"]):
            pairs = _pairs(study, table)[kind]
            cells.append(str(table.mean(pairs)) if pairs else "projected out")
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
    groups = _pairs(study, table)
    (i, j) = table.indices(groups["trained, different families"])
    (k, m) = table.indices(groups["trained with untrained of another family"])
    lead = table.statistic(lambda v: float(v[i, j].mean() - v[k, m].mean())) if k else None
    shared = table.mean(groups["trained, different families"])
    return Claim(
        id=f"atoms-{split}",
        statement=f"On {split} potentials of different families agree about single atoms beyond "
        "element and composition (a shared geometry of atoms: Li and Walsh, arXiv 2512.05349).",
        verdict=of_signs([lead] if lead is not None else []),
        numbers=f"partial CKNNA of trained pairs {shared}"
        + (f", lead over pairs with an untrained network {lead}" if lead is not None else ""),
        caveat="Not a claim of the paper, which pools. Judged by the lead over untrained networks.",
    )


def _poolings(study: Study, data: SplitData, last: Mapping[str, list[Float64]]) -> Table:
    """Alignment and probes by number of cumulants pooled."""
    known, label = data.crossfit.label_residuals(data.labels(LABEL[data.split]))
    taken = {
        order: {m: pooled(features, order=order) for m, features in last.items()}
        for order in ORDERS
    }
    pairs = across_families(list(last), study.facts)
    bar = _untrained_pairs(study, list(last))
    spec = metric_spec("cknna", k=K)
    head = ["pooled", "mean CKNNA, different families", "trained with untrained", *last]
    rows = []
    for order, embeddings in taken.items():
        table = pair_table(embeddings, spec, split=data.split)
        scores = [probe(x[known], label).score.value for x in embeddings.values()]
        control = str(table.mean(bar)) if bar else "none"
        shown = [f"{one:.2f}" for one in scores]
        rows.append([_NAMES[order], str(table.mean(pairs)), control, *shown])
    return Table(
        caption=f"Pooling on {data.split} (n = {data.n}): alignment, and the share of "
        f"{LABEL[data.split]} beyond composition and size that a ridge probe reads off",
        head=head,
        rows=rows,
    )


_NAMES = {1: "mean", 2: "mean, spread", 3: "mean, spread, skew"}


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
        statement=f"On {data.split} mean pooling loses information that higher cumulants keep "
        "(Chorna et al., arXiv 2512.05717).",
        verdict=of_signs(list(gains.values())),
        numbers=f"variance of {LABEL[data.split]} read off beyond the mean's: "
        + "; ".join(f"{model} {gain}" for model, gain in gains.items()),
        caveat=f"Not a claim of the paper. {data.n} structures: three times as many features are "
        "harder to regress on, so a loss may be one of the probe.",
    )


def _layer_pair(layers: Mapping[str, Layers]) -> tuple[str, str] | None:
    """The first two models of different architecture whose layers are known."""
    deep = [model for model, one in layers.items() if len(one.by_name) > 1]
    wanted = [m for m in ("chgnet-0.3.0", "sevennet-0") if m in deep]
    return (wanted[0], wanted[1]) if len(wanted) == 2 else None


def _layer_matrix(layers: Mapping[str, Layers], data: SplitData) -> tuple[PairTable, int] | None:
    pair = _layer_pair(layers)
    if pair is None:
        return None
    spaces = {
        f"{model} {name}": pooled(features, order=1)
        for model in pair
        for name, features in layers[model].by_name.items()
    }
    table = pair_table(spaces, metric_spec("cknna", k=K), split=data.split)
    return table, len(layers[pair[0]].by_name)


def _layer_figure(layers: Mapping[str, Layers], data: SplitData) -> list[Figure]:
    found = _layer_matrix(layers, data)
    if found is None:
        return []
    table, cut = found
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
        model: pooled(one.last, order=1)
        for model, one in layers.items()
        if study.facts[model].pretrained
    }
    for model, one in layers.items():
        if len(one.by_name) < 2:
            continue
        others = [m for m in references if study.facts[m].family != study.facts[model].family]
        for name, features in one.by_name.items():
            x = pooled(features, order=1)
            table = pair_table(
                {name: x} | {m: references[m] for m in others},
                metric_spec("cknna", k=K),
                split=data.split,
            )
            explained = data.crossfit.explained(preprocess(x, "center-l2"))
            rows.append([model, name, str(table.mean([(name, m) for m in others])), str(explained)])
    return [
        Table(
            caption=f"Layers on {data.split} (n = {data.n}): mean CKNNA with the last layer of the "
            "potentials of other families, and the share of the layer that composition and size "
            "predict",
            head=["model", "layer", "CKNNA with others", "composition and size predict"],
            rows=rows,
        )
    ]
