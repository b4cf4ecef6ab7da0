"""Section: how much of one potential's features follows linearly from another's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.analysis.interval import GROUPS, Interval, jackknife_interval, sample_groups
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.preprocessing import preprocess
from pytest_matalign.metrics.reconstruction import global_errors, local_errors
from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.measures.modality import Pair
from pytest_matalign.study.plan import CRYSTALS, MOLECULES
from pytest_matalign.study.report import Claim, Section, Table, Verdict, untestable
from pytest_matalign.study.verdict import of_signs

TEXT = """
The reconstruction error of Goscinski et al. 2021 is directed: 0 where all features of the second
model are a linear map of the first's, 1 where the first says no more than the mean. Chorna et al.
(arXiv 2512.05717) find that sizes of one model contain each other, corpora of one architecture less
so, and architectures least. Their published tables (global errors) stand beside ours: of atoms, by
other models and on other structures, so that orders compare and values do not. Means count every
pair of families, or of corpora, once.
"""
PUBLISHED: Mapping[str, tuple[float, float]] = {
    "one family, corpora with a set in common": (0.008, 0.031),
    "one family, disjoint corpora": (0.261, 0.478),
    "different families": (0.261, 0.974),
}
"""Least and largest global error of MACE-MP-0 sizes (one corpus), of MACE on MPtrj, OMat24, and
MatPES by two functionals, and of DPA-3.1, MACE, PET-MAD and UMA on MAD and sAlex."""
NEIGHBOURS = 25
MOST = 500
"""Samples: a map for each of them, for each ordered pair of models, is what takes the time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Errors:
    """What each model of a split leaves unexplained of each other, sample by sample."""

    n: int  # Samples
    squares: Mapping[Pair, Float64]  # (n,) squared errors of the second from the first

    def mean(self, cells: Sequence[Sequence[Pair]]) -> Interval:
        """Return the mean error over pairs in cells, each cell counting once."""
        return self._interval(lambda error: _mean(error, cells))

    def gap(self, ahead: Sequence[Sequence[Pair]], behind: Sequence[Sequence[Pair]]) -> Interval:
        """Return the mean over some cells less that over others."""
        return self._interval(lambda error: _mean(error, ahead) - _mean(error, behind))

    def _interval(self, statistic: Callable[[Callable[[Pair], float]], float]) -> Interval:
        dealt = sample_groups(self.n)

        def without(group: int) -> Callable[[Pair], float]:
            kept = dealt != group
            return lambda pair: float(np.sqrt(self.squares[pair][kept].mean()))

        left_out = [statistic(without(group)) for group in range(GROUPS)]
        return jackknife_interval(statistic(without(-1)), left_out)


def _mean(error: Callable[[Pair], float], cells: Sequence[Sequence[Pair]]) -> float:
    return float(np.mean([np.mean([error(pair) for pair in cell]) for cell in cells]))


def reconstruction_errors(data: SplitData, pairs: Sequence[Pair], *, local: bool) -> Errors:
    """Return the errors of ordered pairs of models."""
    data = data.only(list(dict.fromkeys(model for pair in pairs for model in pair))).first(MOST)
    features = {m: preprocess(x, "center-l2") for m, x in data.embeddings.items()}
    squares = {
        (a, b): local_errors(features[a], features[b], k=NEIGHBOURS) ** 2
        if local
        else global_errors(features[a], features[b]) ** 2
        for a, b in pairs
    }
    return Errors(n=data.n, squares=squares)


def kinds_of_pairs(
    models: Sequence[str], facts: Mapping[str, ModelFacts]
) -> dict[str, list[list[Pair]]]:
    """Return cells of ordered pairs by kind, as `PUBLISHED` names them; kinds without are left out.

    A cell is one family and two corpora (or one), or two families.
    """
    cells: dict[str, dict[tuple[str, ...], list[Pair]]] = {kind: {} for kind in PUBLISHED}
    variants, corpora, families = PUBLISHED
    for a, b in permutations(models, 2):
        one, other = facts[a], facts[b]
        if one.family != other.family:
            kind, cell = families, [one.family, other.family]
        elif one.sets & other.sets:
            kind, cell = variants, [one.family]
        else:
            kind, cell = corpora, [one.family, one.structures, other.structures]
        cells[kind].setdefault(tuple(sorted(cell)), []).append((a, b))
    return {kind: list(found.values()) for kind, found in cells.items() if found}


def section(study: Study) -> Section:
    """Reconstruction errors by kind of pair on crystals, and containment on molecules."""
    crystals, molecules = study.data(CRYSTALS), study.data(MOLECULES)
    pairs = list(permutations(crystals.potentials, 2))
    errors = {local: reconstruction_errors(crystals, pairs, local=local) for local in (False, True)}
    kinds = kinds_of_pairs(crystals.potentials, study.facts)
    return Section(
        id="reconstruction",
        title="What follows linearly from what",
        text=TEXT,
        tables=[_table(errors, kinds)],
        claims=[_order(study, errors[False], kinds), _containment(study, molecules)],
    )


def _table(errors: Mapping[bool, Errors], kinds: Mapping[str, list[list[Pair]]]) -> Table:
    return Table(
        caption=f"Reconstruction error on {CRYSTALS} (n = {errors[False].n}; local: {NEIGHBOURS} "
        "neighbours)",
        head=["pairs", "cells", "ordered pairs", "global", "local", "published, global"],
        rows=[
            [
                kind,
                len(cells),
                sum(map(len, cells)),
                errors[False].mean(cells),
                errors[True].mean(cells),
                "{:.3f} to {:.3f}".format(*PUBLISHED[kind]),
            ]
            for kind, cells in kinds.items()
        ],
    )


def _order(study: Study, errors: Errors, kinds: Mapping[str, list[list[Pair]]]) -> Claim:
    statement = (
        "Variants of one family and corpus follow from each other most, then one family trained "
        "on other data, then other families (Chorna et al.)."
    )
    if len(kinds) < len(PUBLISHED):
        return untestable("reconstruction-order", statement, "Needs families of several corpora.")
    variants, corpora, families = kinds.values()
    gaps = [errors.gap(corpora, variants), errors.gap(families, corpora)]
    ends = [
        _left_out(study, errors, more, less)
        for more, less in zip(list(PUBLISHED)[1:], PUBLISHED, strict=False)
    ]
    return Claim(
        id="reconstruction-order",
        statement=statement,
        verdict=_steady(gaps, ends),
        numbers="; ".join(
            f"{more} less {less}: {gap}, {min(values):.2f} to {max(values):.2f} without one family"
            for more, less, gap, values in zip(
                list(PUBLISHED)[1:], PUBLISHED, gaps, ends, strict=False
            )
        ),
        caveat=f"Global errors. {len(corpora)} pairs of disjoint corpora within "
        f"{len({study.facts[cell[0][0]].family for cell in corpora})} families; no family here "
        "ships sizes of one model, versions and depths stand in.",
        would_change="Sizes of one model, and more families trained on several disjoint corpora.",
    )


def _left_out(study: Study, errors: Errors, more: str, less: str) -> list[float]:
    """Return the difference of two kinds without each family, where both remain."""
    models = list(dict.fromkeys(a for a, _ in errors.squares))
    found = []
    for family in dict.fromkeys(study.facts[m].family for m in models):
        left = kinds_of_pairs([m for m in models if study.facts[m].family != family], study.facts)
        both = more in left and less in left
        found.append(errors.gap(left[more], left[less]).value if both else float("nan"))
    return found


def _steady(gaps: Sequence[Interval], without: Sequence[Sequence[float]]) -> Verdict:
    kept = all(v * gap.value > 0 for gap, values in zip(gaps, without, strict=True) for v in values)
    return of_signs(gaps) if kept else "undecided"


def _containment(study: Study, data: SplitData) -> Claim:
    statement = (
        "A universal potential contains a specialised one more than the other way round (MACE-MP "
        "and MACE-OFF in Chorna et al.: 0.02 and 0.36)."
    )
    facts = study.facts
    organic = [m for m in data.potentials if facts[m].molecules_only]
    universal = [m for m in data.potentials if m not in organic]
    if not organic or not universal:
        return untestable("containment", statement, "Needs potentials of both kinds.")
    cells: dict[tuple[str, str], list[Pair]] = {}
    for a, b in product(universal, organic):
        cells.setdefault((facts[a].family, facts[b].family), []).append((a, b))
    back = {key: [(b, a) for a, b in cell] for key, cell in cells.items()}
    pairs = [pair for cell in (*cells.values(), *back.values()) for pair in cell]
    errors = reconstruction_errors(data, pairs, local=False)
    gap = errors.gap(list(back.values()), list(cells.values()))
    ends = []
    for family in dict.fromkeys(name for key in cells for name in key):
        kept = [key for key in cells if family not in key]
        left = ([back[key] for key in kept], [cells[key] for key in kept])
        ends.append(errors.gap(*left).value if kept else float("nan"))
    return Claim(
        id="containment",
        statement=statement,
        verdict=_steady([gap], [ends]),
        numbers=f"on {data.split}: organic from universal {errors.mean(list(cells.values()))}, "
        f"universal from organic {errors.mean(list(back.values()))}, difference {gap}, "
        f"{min(ends):.2f} to {max(ends):.2f} without one family",
        caveat=f"{len({facts[m].family for m in universal})} universal and "
        f"{len({facts[m].family for m in organic})} organic families; width of an embedding counts "
        "as well as what it was trained on.",
        would_change="One architecture trained on both kinds of data, with one width.",
    )
