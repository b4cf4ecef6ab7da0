"""A worker of an environment answers with the rows that its adapter gives in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from promises import check_worker
from pytest_matalign.zoo import catalogue
from real_weights import load_real

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

FIRST = {
    one.environment: one.id
    for one in reversed(catalogue.cards().values())
    if one.environment and one.state == "verified"
}
"""A model of each environment whose real weights were seen."""


@pytest.mark.parametrize("model_id", FIRST.values())
def test_a_worker_gives_the_rows_of_its_adapter(
    model_id: str, covered: Callable[[ModelCard], list[Sample]]
) -> None:
    """To the bit, through the pipe, with nothing but what the environment holds."""
    card = catalogue.card(model_id)
    model = load_real(model_id)
    check_worker(card, model, covered(card))
