"""Networks made untrained: by either recipe, from a seed, wherever a model keeps them."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.untrained import networks, untrain


def network() -> torch.nn.Module:
    torch.manual_seed(7)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))


def weights(one: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in one.parameters()])


def untrained(recipe: str, seed: int) -> torch.Tensor:
    one = network()
    untrain(one, recipe, seed)
    return weights(one)


@pytest.mark.parametrize("recipe", ["shuffled", "reset"])
def test_a_seed_gives_the_same_network_again_and_another_another(recipe: str) -> None:
    assert torch.equal(untrained(recipe, 1), untrained(recipe, 1))
    assert not torch.equal(untrained(recipe, 1), untrained(recipe, 2))
    assert not torch.equal(untrained(recipe, 1), weights(network()))


def test_shuffling_keeps_every_tensor_s_values_and_resetting_does_not() -> None:
    before = weights(network()).sort().values
    assert torch.equal(untrained("shuffled", 1).sort().values, before)
    assert not torch.equal(untrained("reset", 1).sort().values, before)


def test_the_draws_of_others_are_left_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    untrain(network(), "reset", 1)
    # `network` itself draws; what `untrain` draws must not count.
    torch.manual_seed(3)
    one = network()
    torch.manual_seed(3)
    untrain(one, "reset", 1)
    assert torch.equal(torch.rand(1), expected)


class Holder:
    def __init__(self, held: object) -> None:
        self.held = held

    def embed(self) -> None:
        """Stand for a bound method."""


@pytest.mark.parametrize(
    "hold",
    [
        lambda one: one,
        Holder,
        lambda one: Holder([Holder(one)]),
        lambda one: Holder({"a": one}),
        lambda one: Holder(one).embed,
        lambda one: partial(print, one),
        lambda one: lambda: one,
    ],
)
def test_networks_are_found_where_models_keep_them(hold) -> None:  # type: ignore[no-untyped-def]
    one = network()
    assert list(networks(hold(one))) == [one]


def test_a_model_without_a_network_is_told() -> None:
    with pytest.raises(UnavailableError, match="no network with parameters was found in Holder"):
        untrain(Holder(3), "shuffled", 1)


def test_there_are_two_recipes() -> None:
    with pytest.raises(ConfigurationError, match="use shuffled or reset"):
        untrain(network(), "melted", 1)
