"""Models that agree stand side by side in a matrix."""

from __future__ import annotations

import msgspec
import pytest

from pytest_matalign.report.order import distance, orders
from pytest_matalign.scorecard.model import Scorecard


def test_every_suite_split_and_metric_with_values_has_an_order(scorecard: Scorecard) -> None:
    """Two splits by two metrics are four orders."""
    assert [(one.split, one.metric) for one in orders(scorecard)] == [
        ("qm9", "cknna"),
        ("qm9", "information_imbalance"),
        ("ccd-ligands", "cknna"),
        ("ccd-ligands", "information_imbalance"),
    ]


def test_controls_stand_apart_from_the_clustered_models(scorecard: Scorecard) -> None:
    """A control is compared with pretrained models only, so it cannot be clustered."""
    order = orders(scorecard)[0]
    assert order.controls == ("random",)
    assert sorted(order.clustered) == ["composition", "morgan", "rdkit-descriptors", "size"]


def test_the_first_merge_joins_the_closest_pair(scorecard: Scorecard) -> None:
    """Average linkage starts with the smallest distance, at exactly that height."""
    order = orders(scorecard)[0]
    trained = {
        frozenset((r.a, r.b)): distance(r)
        for r in scorecard.alignments
        if (r.split, r.metric) == ("qm9", "cknna") and "random" not in (r.a, r.b)
    }
    left, right, height = order.links[0]
    assert height == pytest.approx(min(trained.values()))
    assert trained[frozenset((order.clustered[left], order.clustered[right]))] == height


def test_merges_never_cross(scorecard: Scorecard) -> None:
    """Each merge covers models that stand next to each other in the order."""
    for order in orders(scorecard):
        spans = [(place, place) for place in range(len(order.clustered))]
        for left, right, _ in order.links:
            (a, b), (c, d) = sorted((spans[left], spans[right]))
            assert b + 1 == c
            spans.append((a, d))


def test_a_pair_that_was_not_measured_counts_as_the_farthest(scorecard: Scorecard) -> None:
    """Without one of its values the matrix is clustered all the same."""
    without = tuple(
        msgspec.structs.replace(r, alignment=None) if (r.a, r.b) == ("composition", "size") else r
        for r in scorecard.alignments
    )
    order = orders(msgspec.structs.replace(scorecard, alignments=without))[0]
    assert len(order.links) == 3


def test_a_metric_that_falls_with_agreement_is_its_own_distance(scorecard: Scorecard) -> None:
    """The information imbalance is 0 for spaces with the same neighbours."""
    record = next(r for r in scorecard.alignments if r.metric == "information_imbalance")
    assert record.alignment is not None
    assert distance(record) == record.alignment.value
