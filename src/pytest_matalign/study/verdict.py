"""From intervals to a claim's verdict, by rules written down once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_matalign.analysis.correlation import RankCorrelation
from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.analysis.interval import Interval
from pytest_matalign.analysis.pairs import PairTable
from pytest_matalign.study.measures.modality import across_families
from pytest_matalign.study.report import Verdict


def of_signs(differences: Sequence[Interval]) -> Verdict:
    """Verdict on a claim that every difference is positive.

    Reproduced if every interval lies above zero, not reproduced if any lies below, undecided
    otherwise; not testable without a difference.
    """
    if not differences:
        return "not testable here"
    if all(one.above_zero for one in differences):
        return "reproduced"
    return "not reproduced" if any(one.below_zero for one in differences) else "undecided"


def of_correlation(found: RankCorrelation | None) -> Verdict:
    """Verdict on a claim that a rank correlation over models is negative.

    Families are the units: it takes a permutation over them below 0.05, and a sign that no single
    family decides. Fewer than five families cannot decide anything (2 of 24 orders are 0.08).
    """
    if found is None:
        return "not testable here"
    values = [found.value, *found.without.values()]
    if found.family_value is None or found.p_value is None or found.p_value >= 0.05:
        return "undecided"
    if all(value < 0 for value in (*values, found.family_value)):
        return "reproduced"
    return "not reproduced" if all(v > 0 for v in (*values, found.family_value)) else "undecided"


def steady(
    table: PairTable, other: PairTable, facts: Mapping[str, ModelFacts]
) -> tuple[bool, dict[str, float]]:
    """Return whether (table - other) keeps its sign with each family left out, and the values.

    Both are means over pairs of different families; a family whose absence leaves no such pair
    is passed over.
    """
    models = [m for m in table.models if facts[m].pretrained]
    found = {}
    for family in dict.fromkeys(facts[m].family for m in models):
        rest = across_families([m for m in models if facts[m].family != family], facts)
        if rest:
            found[family] = table.mean(rest).value - other.mean(rest).value
    pairs = across_families(models, facts)
    whole = table.mean(pairs).value - other.mean(pairs).value
    return all(value * whole > 0 for value in found.values()), found
