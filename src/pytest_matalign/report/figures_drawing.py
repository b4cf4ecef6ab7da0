"""What each figure for a paper shows; colours and sizes are the module `figures`' business."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.report.order import orders
from pytest_matalign.scorecard.summary import split_tables
from pytest_matalign.verdicts.records import measured

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pytest_matalign.report.companion import Companion
    from pytest_matalign.report.order import Order
    from pytest_matalign.scorecard.model import ModelEntry, Scorecard
    from pytest_matalign.statistics.alignment import Alignment
    from pytest_matalign.verdicts.records import AlignmentRecord

    Pair = tuple[AlignmentRecord, Alignment]
    Drawn = Iterator[tuple[str, Figure]]

MODALITY = {
    "3d": "#0072b2",
    "graph": "#009e73",
    "string": "#e69f00",
    "protein-sequence": "#cc79a7",
    "protein-structure": "#d55e00",
    "descriptor": "#8a8f94",
}
"""Okabe and Ito's palette, told apart under the common colour-vision deficiencies."""
PAIRS = {
    "same-family": ("#0072b2", "o"),
    "same-modality": ("#56b4e9", "s"),
    "cross-modality": ("#d55e00", "^"),
    "control": ("#8a8f94", "D"),
}
"""Colour and shape by class of pair, so that neither is needed alone."""
SEQUENTIAL = ("#f6f4ec", "#d5e6d6", "#9fd0c0", "#58abae", "#2f7f9e", "#275886", "#262f5f")
LINE_INCH = 0.135
"""Height of one line of labels."""


def ladders(scorecard: Scorecard, width: float) -> Drawn:
    """Each model's mean alignment with its peers, the range of them, and its closest control."""
    for table in split_tables(scorecard):
        rows = [row for row in reversed(table.rows) if row.mean is not None]
        if not rows:
            continue
        figure, axes = _axes(width, LINE_INCH * len(rows) + 0.7)
        for y, row in enumerate(rows):
            colour = MODALITY.get(row.model.modality, "#8a8f94")
            if row.best and row.worst:
                axes.plot(
                    [row.worst.value, row.best.value], [y, y], color=colour, alpha=0.3, lw=2.5,
                    solid_capstyle="round",
                )  # fmt: skip
            axes.plot(row.mean or 0.0, y, "o", color=colour, ms=3.5)
            if row.control:
                axes.plot(row.control.value, y, "D", mfc="white", mec="#51606e", ms=3, mew=0.8)
        axes.set_yticks(range(len(rows)), [row.model.id for row in rows])
        k = f", k = {table.k}" if table.k is not None else ""
        axes.set_xlabel(
            f"{_words(table.metric)}{k}, n = {table.split.samples}\n"
            "dot: mean; bar: range; diamond: closest control"
        )
        axes.set_title(table.split.id)
        yield f"ladder-{_file(table.split.id)}", figure


def matrices(scorecard: Scorecard, width: float) -> Drawn:
    """The alignment matrix of each split and metric, clustered, with its dendrogram."""
    values: dict[tuple[str, str, str], dict[frozenset[str], AlignmentRecord]] = {}
    for record, _ in measured(scorecard.alignments):
        place = (record.suite, record.split, record.metric)
        values.setdefault(place, {})[frozenset((record.a, record.b))] = record
    models = {model.id: model for model in scorecard.models}
    for order in orders(scorecard):
        if len(order.links) > 1:
            pairs = values[order.suite, order.split, order.metric]
            yield (
                f"matrix-{_file(order.split)}-{order.metric}",
                _matrix(order, pairs, models, width),
            )


def planes(scorecard: Scorecard, width: float) -> Drawn:
    """The information imbalance both ways, one figure a split."""
    for split in scorecard.splits:
        found = [
            (record.pair_class, alignment.directions)
            for record, alignment in measured(scorecard.alignments)
            if record.split == split.id and alignment.directions
        ]
        if not found:
            continue
        side = min(width, 3.6)
        figure, axes = _axes(side, side)
        for name in PAIRS:
            _scatter(axes, name, [both for pair_class, both in found if pair_class == name])
        axes.plot([0, 1], [0, 1], color="#8a8f94", lw=0.6, ls="--", zorder=0)
        axes.set(xlabel="Δ(first → second)", ylabel="Δ(second → first)", title=split.id)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.legend(loc="best", handletextpad=0.2)
        yield f"imbalance-{_file(split.id)}", figure


def regimes(scorecard: Scorecard, width: float) -> Drawn:
    """Alignment of each pair on familiar against unfamiliar samples, a figure a metric."""
    roles = {split.id: split.role for split in scorecard.splits}
    by_case = {
        (r.suite, r.split, r.metric, r.a, r.b): (r, one)
        for r, one in measured(scorecard.alignments)
    }
    inside = [split for split, role in roles.items() if role == "in-distribution"]
    outside = [split for split, role in roles.items() if role == "out-of-distribution"]
    for known, unknown in product(inside, outside):
        for metric in dict.fromkeys(one.metric for _, one in by_case.values()):
            couples = [
                (pair, by_case[suite, unknown, name, a, b])
                for (suite, split, name, a, b), pair in by_case.items()
                if split == known and name == metric and (suite, unknown, name, a, b) in by_case
            ]
            if couples:
                yield (
                    f"regimes-{_file(known)}-{_file(unknown)}-{metric}",
                    _regime(couples, min(width, 3.6)),
                )


def dimensions(scorecard: Scorecard, companion: Companion, width: float) -> Drawn:
    """Intrinsic dimensions with intervals, one figure a split."""
    models = {model.id: model for model in scorecard.models}
    rows = companion.data["dimension"]
    for split in dict.fromkeys(row["split"] for row in rows):
        found = sorted((r for r in rows if r["split"] == split), key=lambda row: -row["value"])
        figure, axes = _axes(width, LINE_INCH * len(found) + 0.5)
        for y, row in enumerate(found):
            model = models[row["model"]]
            colour = MODALITY.get(model.modality, "#8a8f94")
            axes.plot([max(row["low"], 0), row["high"]], [y, y], color=colour, lw=1)
            face = "white" if model.role == "control" else colour
            axes.plot(row["value"], y, "o", mfc=face, mec=colour, ms=3.5, mew=0.9)
        axes.set_yticks(range(len(found)), [row["model"] for row in found])
        axes.set_xlim(0, 1.25 * max(row["value"] for row in found))
        axes.set(xlabel="intrinsic dimension (TwoNN)", title=f"{split}; controls are hollow")
        yield f"dimension-{_file(split)}", figure


def accuracies(scorecard: Scorecard, companion: Companion, width: float) -> Drawn:
    """Error of each model's probe against its alignment with the best model."""
    models = {model.id: model for model in scorecard.models}
    for number, row in enumerate(companion.data["performance"], 1):
        figure, axes = _axes(width, 0.72 * min(width, 3.6))
        for point in row["models"]:
            colour = MODALITY.get(models[point["model"]].modality, "#8a8f94")
            axes.plot(point["alignment"], point["error"], "o", color=colour, ms=3.5)
            axes.annotate(
                point["model"], (point["alignment"], point["error"]), xytext=(3, 2),
                textcoords="offset points", fontsize=5.5,
            )  # fmt: skip
        axes.margins(x=0.2)
        axes.set(xlabel=row["xLabel"], ylabel=row["measure"], title=row["title"])
        yield f"accuracy-{number}", figure


def trees(scorecard: Scorecard, companion: Companion, width: float) -> Drawn:
    """The tree of models of each split, from the left, with support in percent."""
    models = {model.id: model for model in scorecard.models}
    for tree in companion.data["trees"]:
        leaves = sum(1 for node in tree["nodes"] if node["model"])
        figure, axes = _axes(width, LINE_INCH * leaves + 0.5)
        _tree(axes, tree["nodes"], models)
        axes.set_title(f"{tree['split']}, by {_words(tree['metric'])}; support in percent")
        yield f"tree-{_file(tree['split'])}", figure


def _matrix(
    order: Order,
    pairs: dict[frozenset[str], AlignmentRecord],
    models: dict[str, ModelEntry],
    width: float,
) -> Figure:
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    ids = order.clustered
    n = len(ids)
    grid = np.full((n, n), np.nan)
    for i, a in enumerate(ids):
        for j, b in enumerate(ids):
            record = pairs.get(frozenset((a, b))) if i != j else None
            if record is not None and record.alignment is not None:
                grid[i, j] = record.alignment.value
    higher = next(iter(pairs.values())).higher_is_closer
    colours = LinearSegmentedColormap.from_list("closeness", SEQUENTIAL[:: 1 if higher else -1])
    figure = Figure(figsize=(width, width))
    top, axes = figure.subplots(2, 1, gridspec_kw={"height_ratios": [1, 6], "hspace": 0})
    image = axes.imshow(grid, cmap=colours, vmin=0, vmax=1, aspect="auto")
    if n <= 16:
        for i, j in product(range(n), range(n)):
            if np.isfinite(grid[i, j]):
                closeness = grid[i, j] if higher else 1 - grid[i, j]
                axes.text(
                    j, i, f"{grid[i, j]:.2f}".replace("0.", "."), ha="center", va="center",
                    fontsize=5, color="white" if closeness > 0.5 else "#16202a",
                )  # fmt: skip
    size = min(6.5, 90 / n)
    axes.set_xticks(range(n), ids, rotation=55, ha="right", rotation_mode="anchor", fontsize=size)
    axes.set_yticks(range(n), ids, fontsize=size)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    for tick, model in zip(axes.get_yticklabels(), ids, strict=True):
        tick.set_color(MODALITY.get(models[model].modality, "black"))
    _dendrogram(top, order)
    figure.colorbar(image, ax=[top, axes], shrink=0.4, aspect=18, label=_words(order.metric))
    top.set_title(order.split)
    return figure


def _dendrogram(axes: Axes, order: Order) -> None:
    places = [(float(i), 0.0) for i in range(len(order.clustered))]
    for left, right, height in order.links:
        (x0, y0), (x1, y1) = places[left], places[right]
        axes.plot([x0, x0, x1, x1], [y0, height, height, y1], color="#51606e", lw=0.7)
        places.append(((x0 + x1) / 2, height))
    axes.set_xlim(-0.5, len(order.clustered) - 0.5)
    axes.set_axis_off()


def _regime(couples: list[tuple[Pair, Pair]], side: float) -> Figure:
    figure, axes = _axes(side, side)
    for name in PAIRS:
        found = [(x.value, y.value) for (r, x), (_, y) in couples if r.pair_class == name]
        _scatter(axes, name, found)
    values = [one.value for couple in couples for _, one in couple]
    low, high = min(values), max(values)
    axes.plot([low, high], [low, high], color="#8a8f94", lw=0.6, ls="--", zorder=0)
    (known, x), (unknown, y) = couples[0]
    axes.set(
        xlabel=f"{_words(x.metric)} on {known.split}, n = {x.n}",
        ylabel=f"{_words(y.metric)} on {unknown.split}, n = {y.n}",
    )
    axes.legend(loc="best", handletextpad=0.2)
    return figure


def _scatter(axes: Axes, pair_class: str, points: Sequence[Any]) -> None:
    """Pairs of one class, by its colour and shape; nothing where there are none."""
    if not points:
        return
    x, y = zip(*points, strict=True)
    colour, marker = PAIRS[pair_class]
    label = pair_class.replace("-", " ")
    axes.scatter(x, y, s=9, c=colour, marker=marker, linewidths=0, alpha=0.8, label=label)


def _tree(axes: Axes, nodes: list[dict[str, Any]], models: dict[str, ModelEntry]) -> None:
    """Leaves on lines of their own, branches from the left at their lengths."""
    children: dict[int, list[int]] = {}
    x = [0.0] * len(nodes)
    for index, node in enumerate(nodes):
        if node["parent"] is not None:
            children.setdefault(node["parent"], []).append(index)
            x[index] = x[node["parent"]] + node["length"]
    y: dict[int, float] = {}
    for line, index in enumerate(i for i, node in enumerate(nodes) if node["model"]):
        y[index] = float(line)
    for index in sorted(children, reverse=True):
        y[index] = float(np.mean([y[child] for child in children[index]]))
    for index, node in enumerate(nodes):
        parent = node["parent"]
        if parent is not None:
            axes.plot([x[parent], x[parent], x[index]], [y[parent], y[index], y[index]],
                      color="#51606e", lw=0.8)  # fmt: skip
        if node["model"]:
            colour = MODALITY.get(models[node["model"]].modality, "black")
            axes.plot(x[index], y[index], "o", color=colour, ms=3)
            axes.annotate(node["model"], (x[index], y[index]), xytext=(4, 0),
                          textcoords="offset points", va="center", fontsize=6.5)  # fmt: skip
        elif node["support"] is not None:
            axes.annotate(f"{100 * node['support']:.0f}", (x[index], y[index]), xytext=(-2, 2),
                          textcoords="offset points", ha="right", fontsize=5)  # fmt: skip
    axes.margins(x=0.05)
    axes.set_xlim(right=max(x) * 1.45 or 1.0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("distance of alignment profiles (root Jensen–Shannon)")


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    # Made without pyplot, so that no backend is chosen and nothing stays open.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    axes: Axes = figure.subplots()
    return figure, axes


def _words(metric: str) -> str:
    return metric.replace("cknna", "CKNNA").replace("_", " ")


def _file(split: str) -> str:
    return split.replace("@", "-").replace("=", "-")
