"""Section: cheap stand-ins for a model, and distinct models for an ensemble."""

from __future__ import annotations

from pytest_matalign.study.claims.performance import energy_errors, probe_errors
from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.measures.selection import most_distinct, stand_ins
from pytest_matalign.study.plan import CRYSTALS, MOLECULES
from pytest_matalign.study.report import Section, Table

TEXT = """
Costs are CPU time on this machine, one thread, the first batch not counted. A stand-in is any
model whose loss of alignment to the target, against the most aligned, may be within the margin as
far as the samples tell. Distinct models are picked greedily, each least aligned with those before
it, starting from the most accurate.
"""
MARGIN = 0.1
ENSEMBLE = 3


def section(study: Study) -> Section:
    """Choose by alignment and measured cost on crystals and molecules."""
    tables = []
    for split in (CRYSTALS, MOLECULES):
        data = study.data(split)
        controls = [m for m in ("composition", "size") if m in data.embeddings]
        tables.append(_table(study, data.only([*data.potentials, *controls])))
    return Section(id="selection", title="Choosing models", text=TEXT, tables=tables)


def _table(study: Study, data: SplitData) -> Table:
    wanted = study.plan.split(data.split)
    cost = {model: study.source.cost(model, wanted) for model in data.trained}
    table = study.table(data.only(data.trained), "cknna")
    errors = {model: one.value for model, one in energy_errors(study, data).items()}
    errors = errors or probe_errors(study, data, method="ridge")
    target = min(errors, key=lambda model: errors[model])
    near = stand_ins(table, target, cost, margin=MARGIN)
    distinct = most_distinct(table, min(ENSEMBLE, len(table.models)), start=target)
    return Table(
        caption=f"Stand-ins on {data.split} for {target}, the most accurate "
        f"({1000 * cost[target]:.0f} ms a sample), within {MARGIN:g} CKNNA of the most "
        f"aligned; cheapest first. Most distinct {ENSEMBLE}: {', '.join(distinct)}.",
        head=["model", "CKNNA with the target", "ms a sample"],
        rows=[
            [m, alignment, f"{1000 * cost[m]:.0f}" if m in cost else "-"]
            for m, alignment in near.items()
        ],
    )
