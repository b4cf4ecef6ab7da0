"""From intervals to a claim's verdict, by rules written down once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pytest_matalign.analysis.convergence import Convergence
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


def of_correlation(
    interval: Interval, p_value: float, *, without: Collection[float] = ()
) -> Verdict:
    """Verdict on a claim that a rank correlation over models is negative.

    The doubt of the samples (interval) and that of the models (permutation p, and the values
    without each family in turn) all count: a sign that hangs on one family decides nothing.
    """
    if any(value * interval.value <= 0 for value in without):
        return "undecided"
    if interval.above_zero:
        return "not reproduced"
    return "reproduced" if interval.below_zero and p_value < 0.05 else "undecided"


def of_convergence(found: Convergence | None) -> Verdict:
    """Verdict on a claim that models with less error align better."""
    if found is None or found.interval is None or found.correlation is None:
        return "not testable here"
    test = found.correlation
    return of_correlation(found.interval, test.p_value, without=test.without.values())


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
