"""Training data against architecture, by the models in which the two cross.

The direct comparison: do two families trained on one corpus agree more than one family trained on
two? A corpus is its structures, whatever labels they have. Every cell (two families of one corpus,
or two corpora of one family) counts once, however many variants it has, and the answer is asked
again without each family and without each corpus.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.analysis.interval import Interval
from pytest_matalign.analysis.pairs import PairTable
from pytest_matalign.metrics.arrays import Float64

_Groups = dict[tuple[str, tuple[str, ...]], tuple[list[int], list[int]]]
"""Rows and columns of the pairs of each cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """Alignment within corpora and across families, less within families and across corpora."""

    gap: Interval  # Their difference; positive where training data decides more
    by_corpus: Interval  # Mean over pairs of families trained on one corpus
    by_family: Interval  # Mean over pairs of corpora, with no set in common, of one family
    corpora: tuple[str, ...]  # On which two families or more were trained
    families: tuple[str, ...]  # That were trained on two such corpora or more
    # The difference without each family and each corpus; None where nothing crosses any more
    without: Mapping[str, Interval | None]

    @property
    def steady(self) -> bool:
        """Whether the sign is as sure without any one family or corpus."""
        found = self.without.values()
        return all(one is not None and one.above_zero for one in found) or all(
            one is not None and one.below_zero for one in found
        )


def crossed(table: PairTable, facts: Mapping[str, ModelFacts]) -> Crossed | None:
    """Compare training data with architecture on the pretrained models of a table.

    None where no two families share a corpus, or no family was trained on two disjoint ones.
    """
    models = [m for m in table.models if facts[m].pretrained]
    shared, own = _cells(table, models, facts)
    gap = _gap(table, shared, own)
    if gap is None:
        return None
    without = {
        level: _gap(
            table, *_cells(table, [m for m in models if getattr(facts[m], factor) != level], facts)
        )
        for factor in ("family", "structures")
        for level in dict.fromkeys(str(getattr(facts[m], factor)) for m in models)
    }
    return Crossed(
        gap=gap,
        by_corpus=table.statistic(lambda matrix: _mean(matrix, shared.values())),
        by_family=table.statistic(lambda matrix: _mean(matrix, own.values())),
        corpora=tuple(dict.fromkeys(corpus for corpus, _ in shared)),
        families=tuple(dict.fromkeys(family for family, _ in own)),
        without=without,
    )


def _gap(table: PairTable, shared: _Groups, own: _Groups) -> Interval | None:
    if not shared or not own:
        return None
    return table.statistic(lambda m: _mean(m, shared.values()) - _mean(m, own.values()))


def _cells(
    table: PairTable, models: Sequence[str], facts: Mapping[str, ModelFacts]
) -> tuple[_Groups, _Groups]:
    """Return the pairs by corpus and two families, and by family and two disjoint corpora."""
    shared: _Groups = {}
    own: _Groups = {}
    for a, b in combinations(models, 2):
        one, other = facts[a], facts[b]
        if one.sets == other.sets and one.family != other.family:
            cell = shared.setdefault((one.structures, _both(one.family, other.family)), ([], []))
        elif one.family == other.family and not one.sets & other.sets:
            cell = own.setdefault((one.family, _both(one.structures, other.structures)), ([], []))
        else:
            continue
        cell[0].append(table.models.index(a))
        cell[1].append(table.models.index(b))
    return shared, own


def _both(a: str, b: str) -> tuple[str, ...]:
    return tuple(sorted((a, b)))


def _mean(matrix: Float64, cells: Iterable[tuple[list[int], list[int]]]) -> float:
    both = (matrix + matrix.T) / 2
    return float(np.mean([both[i, j].mean() for i, j in cells]))
