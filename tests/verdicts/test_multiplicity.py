"""Benjamini-Hochberg, against the published example and a slow definition."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pytest_matalign.verdicts.multiplicity import benjamini_hochberg

PUBLISHED = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
    0.5719, 0.6528, 0.7590, 1.0000,
]  # fmt: skip


def test_the_example_of_the_paper_rejects_four() -> None:
    """Benjamini and Hochberg 1995, section 3.2: at q = 0.05 the four smallest of fifteen."""
    adjusted = benjamini_hochberg(dict(enumerate(PUBLISHED)))
    assert [place for place, p in adjusted.items() if p <= 0.05] == [3, 2, 1, 0]
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.001, 0.5))
def test_it_rejects_what_the_step_up_rule_rejects(p_values: list[float], rate: float) -> None:
    """Reject the k smallest, k the largest place with p_(k) <= k q / m."""
    ordered = sorted(p_values)
    fitting = [k for k, p in enumerate(ordered, 1) if p <= k * rate / len(p_values)]
    bound = ordered[max(fitting) - 1] if fitting else -1.0
    adjusted = benjamini_hochberg(dict(enumerate(p_values)))
    for place, p in enumerate(p_values):
        # Within rounding of the bound either answer is right.
        if abs(adjusted[place] - rate) > 1e-12:
            assert (adjusted[place] <= rate) == (p <= bound)
        assert adjusted[place] >= p or adjusted[place] == pytest.approx(p)


def test_nothing_is_adjusted_to_nothing() -> None:
    """A split without comparisons has no family."""
    assert benjamini_hochberg({}) == {}
