"""Files that can run code when they are read are read only if the user says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from pytest_matalign.environments import loading
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo import adapter, catalogue
from pytest_matalign.zoo.adapter import refuse_foreign_code
from pytest_matalign.zoo.card import Weights

if TYPE_CHECKING:
    from pytest_matalign.zoo.card import ModelCard

REPO = Weights(repo="some/model", revision="0" * 40, path="model.bin", pickled=True)


def carrying(weights: Weights | None) -> ModelCard:
    return msgspec.structs.replace(catalogue.card("size"), weights=weights)


def test_a_pickle_is_refused_with_its_source_and_the_ways_to_allow_it() -> None:
    """What, why, and what to do."""
    with pytest.raises(UnavailableError) as caught:
        refuse_foreign_code(carrying(REPO))
    for word in ("size", "some/model", "run any code", "--matalign-allow-pickle", "allow_pickle"):
        assert word in str(caught.value)


def test_a_model_is_not_loaded_without_permission() -> None:
    """Neither in the host nor by the function that a worker calls."""
    for load in (loading.load, adapter.load_here):
        with pytest.raises(UnavailableError, match="are a pickle"):
            load(carrying(REPO))


def test_what_the_user_allows_is_read() -> None:
    """The next obstacle is then another one."""
    card = msgspec.structs.replace(carrying(REPO), adapter="no_such_adapter")
    for load in (loading.load, adapter.load_here):
        with pytest.raises(ConfigurationError, match="no adapter module"):
            load(card, allow_pickle=True)


def test_allowing_one_model_allows_no_other() -> None:
    """Permission is given with the call and stays there."""
    with pytest.raises(ConfigurationError, match="no adapter module"):
        loading.load(
            msgspec.structs.replace(carrying(REPO), adapter="no_such_adapter"), allow_pickle=True
        )
    with pytest.raises(UnavailableError, match="are a pickle"):
        loading.load(carrying(REPO))


def test_code_in_a_repository_runs_only_with_permission() -> None:
    """It is the same danger in another file."""
    weights = Weights(repo="some/model", revision="0" * 40, path="model.safetensors")
    card = msgspec.structs.replace(carrying(weights), options={"remote_code": True})
    with pytest.raises(UnavailableError, match=r"some/model brings its own Python.*allow-pickle"):
        loading.load(card)


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
    refuse_foreign_code(carrying(weights))
