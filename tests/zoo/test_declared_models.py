"""Cards without an adapter."""

from __future__ import annotations

import msgspec
import pytest

from pytest_matalign.environments import loading
from pytest_matalign.errors import UnavailableError
from pytest_matalign.zoo import catalogue


def test_a_model_without_an_adapter_says_so() -> None:
    """Even where its package happens to be installed."""
    card = msgspec.structs.replace(catalogue.card("dpa-3.1-mptrj"), requires=())
    with pytest.raises(UnavailableError, match=r"the zoo declares .* has no adapter"):
        loading.load(card)


def test_models_without_an_adapter_claim_nothing() -> None:
    """Their state is the lowest."""
    found = [one for one in catalogue.cards().values() if one.adapter == "declared"]
    assert found
    assert {one.state for one in found} == {"declared"}
