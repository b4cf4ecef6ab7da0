"""Control of false alarms over many comparisons (Benjamini and Hochberg 1995)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = TypeVar("Key")


def benjamini_hochberg(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Return adjusted p-values: rejecting those <= q holds the false discovery rate at q.

    With p_(1) <= ... <= p_(m), the adjusted value is min over j >= i of p_(j) m / j, at most 1
    (J. R. Stat. Soc. B 57, 289, in the form of Yekutieli and Benjamini 1999). Valid for
    independent and for positively dependent tests, as comparisons on the same samples are.
    """
    ordered = sorted(p_values, key=lambda key: p_values[key], reverse=True)
    total, adjusted, least = len(ordered), {}, 1.0
    for place, key in enumerate(ordered):
        least = min(least, p_values[key] * total / (total - place))
        adjusted[key] = least
    return adjusted
