"""Files that can run code when they are read are read only if the user says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from pytest_matalign.errors import UnavailableError
from pytest_matalign.zoo import registry
from pytest_matalign.zoo.card import Weights
from pytest_matalign.zoo.permission import allow_pickles, demand_permission, pickles_allowed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.zoo.card import ModelCard

REPO = Weights(repo="some/model", revision="0" * 40, path="model.bin", pickled=True)


@pytest.fixture(autouse=True)
def _forbidden() -> Iterator[None]:
    before = pickles_allowed()
    allow_pickles(allowed=False)
    yield
    allow_pickles(allowed=before)


def carrying(weights: Weights | None) -> ModelCard:
    return msgspec.structs.replace(registry.card("size"), weights=weights)


def test_a_pickle_is_refused_with_its_source_and_the_ways_to_allow_it() -> None:
    """What, why, and what to do."""
    with pytest.raises(UnavailableError) as caught:
        demand_permission(carrying(REPO))
    for word in ("size", "some/model", "run any code", "--matalign-allow-pickle", "allow_pickle"):
        assert word in str(caught.value)


def test_a_model_is_not_loaded_without_permission() -> None:
    """Neither in the host nor by the function that a worker calls."""
    for load in (registry.load, registry.load_here):
        with pytest.raises(UnavailableError, match="are a pickle"):
            load(carrying(REPO))


def test_what_the_user_allows_is_read() -> None:
    """Until it is forbidden again."""
    allow_pickles(allowed=True)
    demand_permission(carrying(REPO))
    allow_pickles(allowed=False)
    with pytest.raises(UnavailableError):
        demand_permission(carrying(REPO))


@pytest.mark.parametrize(
    "weights",
    [
        None,
        Weights(repo="some/model", revision="0" * 40, path="model.safetensors"),
        Weights(package="chgnet", path="model.pth.tar", pickled=True),
    ],
)
def test_other_weights_need_no_permission(weights: Weights | None) -> None:
    """A file of an installed package is trusted as the package's code is."""
    demand_permission(carrying(weights))
