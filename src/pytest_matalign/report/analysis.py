"""The slower figures of a report: the tree of models, and agreement against accuracy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.analysis.convergence import best_performer
from pytest_matalign.analysis.correlation import rank_correlation
from pytest_matalign.analysis.pairs import pair_matrix
from pytest_matalign.analysis.probes import probe
from pytest_matalign.analysis.tree import evolutionary_tree
from pytest_matalign.embeddings.embedding import common_ids
from pytest_matalign.errors import MetricInputError, UnavailableError
from pytest_matalign.metrics.spec import metric_spec
from pytest_matalign.verdicts.records import measured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_matalign.analysis.correlation import RankCorrelation
    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.metrics.spec import MetricSpec
    from pytest_matalign.report.embeddings import Found
    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.splits.split import Split

    Note = Callable[[str], None]

COVERAGE = 0.9
"""Share of a split a model must accept to enter an analysis, which takes the common samples."""
SAMPLES = 2000
"""Samples of an analysis, the first of the split: it holds an n x n matrix of every model."""
LABELS = 2
"""Labels per split; the first of its card."""
RESAMPLES = 40
"""Half-samples behind the support of a tree's branches."""
METRICS = ("cknna", "mutual_knn", "distance_correlation")
"""Metrics the analyses may use; the first that the scorecard has for a split is taken."""


def trees(
    scorecard: Scorecard,
    found: Found,
    splits: Mapping[str, Split],
    note: Note,
) -> list[dict[str, Any]]:
    """Return a tree of the pretrained models per split: Newick, and nodes for drawing."""
    drawn = []
    for split, spec, ids, vectors in _tables(scorecard, found, splits):
        try:
            tree = evolutionary_tree(vectors, spec, resamples=RESAMPLES)
        except (MetricInputError, UnavailableError) as error:
            note(f"No tree of {split}: {error}")
            continue
        drawn.append(
            {
                "split": split,
                "metric": spec.name,
                "n": len(ids),
                "newick": tree.newick,
                "nodes": parse_newick(tree.newick),
            }
        )
    return drawn


def performance(
    scorecard: Scorecard,
    found: Found,
    splits: Mapping[str, Split],
    note: Note,
) -> list[dict[str, Any]]:
    """Return, per split and label, each model's probe error beside its alignment to the best."""
    families = {model.id: model.family for model in scorecard.models}
    rows = []
    for split, spec, ids, vectors in _tables(scorecard, found, splits):
        matrix = pair_matrix(list(vectors.values()), spec)
        for label, values in _labels(splits[split], ids):
            try:
                errors = {m: probe(x, values).error.value for m, x in vectors.items()}
            except MetricInputError as error:
                note(f"No accuracy on {split}, {label}: {error}")
                continue
            best = best_performer(errors)
            aligned = dict(zip(vectors, matrix[:, list(vectors).index(best)], strict=True))
            # The best one's relatives align with it whatever they perform.
            others = [model for model in vectors if families[model] != families[best]]
            correlation = rank_correlation(
                [errors[model] for model in others],
                [aligned[model] for model in others],
                [families[model] for model in others],
            )
            meta = splits[split].card.labels[label]
            rows.append(
                {
                    "title": f"{split}: {meta.meaning if len(meta.meaning) < 60 else label}",
                    "measure": f"error of {label} by ridge probe"
                    + ("" if meta.unit == "1" else f" / {meta.unit}"),
                    "xLabel": f"{spec.name.replace('_', ' ')} with {best}",
                    "words": _words(best, families[best], correlation, len(ids)),
                    "models": [
                        {
                            "model": model,
                            "error": round(errors[model], 6),
                            "alignment": round(float(aligned[model]), 5),
                        }
                        for model in vectors
                        if model != best
                    ],
                }
            )
    return rows


def parse_newick(text: str) -> list[dict[str, Any]]:
    """Return the nodes of a Newick tree, parents before children.

    Reads what `analysis.tree` writes: quoted leaves, supports in percent at inner nodes.
    """
    nodes: list[dict[str, Any]] = [{"parent": None, "length": 0.0, "model": None, "support": None}]
    path = [0]
    for piece in re.findall(r"'[^']*'|[(),;]|:[^(),;]+|[^(),:;']+", text.strip()):
        node = nodes[path[-1]]
        if piece in "(,":
            if piece == ",":
                path.pop()
            nodes.append({"parent": path[-1], "length": 0.0, "model": None, "support": None})
            path.append(len(nodes) - 1)
        elif piece == ")":
            path.pop()
        elif piece.startswith(":"):
            node["length"] = float(piece[1:])
        elif piece.startswith("'"):
            node["model"] = piece.strip("'")
        elif piece != ";":
            node["support"] = float(piece) / 100
    return nodes


def _tables(
    scorecard: Scorecard,
    found: Found,
    splits: Mapping[str, Split],
) -> Iterator[tuple[str, MetricSpec, tuple[str, ...], dict[str, Float64]]]:
    """Split, metric, common samples and embeddings [samples, width] by pretrained model."""
    trained = [model.id for model in scorecard.models if model.role != "control"]
    for split in splits:
        record = next(
            (one for name in METRICS for r, one in measured(scorecard.alignments)
             if r.split == split and r.metric == name),
            None,
        )  # fmt: skip
        chosen = [
            found[split, model]
            for model in trained
            if (split, model) in found
            and len(found[split, model]) >= COVERAGE * len(splits[split].samples)
        ]
        if record is None or len(chosen) < 4:
            continue
        ids = common_ids(*chosen)[:SAMPLES]
        spec = metric_spec(record.metric, k=record.k, preprocess=record.preprocess)
        yield split, spec, ids, {e.model: e.rows(ids).astype(np.float64) for e in chosen}


def _labels(split: Split, ids: Sequence[str]) -> Iterator[tuple[str, Float64]]:
    """The first numeric labels that every one of the samples has and that differ."""
    samples = {sample.id: sample for sample in split.samples}
    found = 0
    for name, label in split.card.labels.items():
        values = [samples[one].labels.get(name) for one in ids]
        if label.unit == "text" or not all(isinstance(value, int | float) for value in values):
            continue
        array = np.array(values, dtype=np.float64)
        if found < LABELS and np.isfinite(array).all() and np.ptp(array) > 0:
            found += 1
            yield name, array


def _words(reference: str, family: str, correlation: RankCorrelation | None, n: int) -> str:
    text = (
        f"Each point is a model: across, its alignment with {reference}, the model whose frozen "
        f"embedding predicts this label best; upwards, its own error, lower being better. "
        f"{n} samples. "
    )
    if correlation is None:
        return text + (
            f"Too few models outside the family {family} for a rank correlation that the "
            "reference's own relatives do not make."
        )
    text += (
        f"Outside the reference's family {family} the rank correlation over "
        f"{correlation.models} models is {correlation.value:.2f}; "
    )
    if correlation.family_value is None:
        return text + "there are too few families to judge by."
    return text + (
        f"over {correlation.families} families it is {correlation.family_value:.2f} "
        f"(p = {correlation.p_value:.2g})."
    )
