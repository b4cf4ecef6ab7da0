"""Any network with what it learned made meaningless, by a recipe and a seed.

`shuffled` permutes the entries inside every parameter: each tensor keeps its own distribution of
values, so activations keep their scale. `reset` gives each module its own initialisation, and
shuffles what has none. Both are drawn on the CPU, tensor by tensor in the order of the parameters'
names: the same on every machine.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, get_args

from pytest_matalign.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

Recipe = Literal["shuffled", "reset"]
RECIPES: tuple[Recipe, ...] = get_args(Recipe)
DEPTH = 4
"""Attributes followed from a model to its networks."""


def untrain(model: Any, recipe: str, seed: int) -> None:
    """Make what the networks inside a model learned meaningless, in place.

    Args:
        model: Anything that holds torch modules: in attributes, lists, or a function's closure.
        recipe: `shuffled` or `reset`.
        seed: Of the draws.

    Raises:
        UnavailableError: No network with parameters was found in it.
        ConfigurationError: There is no such recipe.
    """
    if recipe not in RECIPES:
        raise ConfigurationError(
            f"{recipe!r} is no way to make a network untrained; use {' or '.join(RECIPES)}."
        )
    if find_spec("torch") is None:
        raise UnavailableError("torch is not installed, and no other networks are known")
    found = [network for network in networks(model) if any(True for _ in network.parameters())]
    if not found:
        raise UnavailableError(f"no network with parameters was found in {type(model).__name__}")
    for network in found:
        shuffle(network, seed if recipe == "shuffled" else 1000 + seed)
        if recipe == "reset":
            _reset(network, seed)


def networks(model: Any) -> Iterator[torch.nn.Module]:
    """Yield the torch modules that a model holds, each once and not those inside another."""
    yield from _networks(model, DEPTH, set())


def shuffle(network: torch.nn.Module, seed: int) -> None:
    """Permute the entries inside every parameter of a network, in place."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, parameter in sorted(network.named_parameters()):
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.copy_(parameter.flatten()[order.to(parameter.device)].view_as(parameter))


def _reset(network: torch.nn.Module, seed: int) -> None:
    import torch

    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in network.modules():
            own = getattr(module, "reset_parameters", None)
            if callable(own):
                own()


def _networks(thing: Any, depth: int, seen: set[int]) -> Iterator[torch.nn.Module]:
    import torch

    if id(thing) in seen or depth < 0:
        return
    seen.add(id(thing))
    if isinstance(thing, torch.nn.Module):
        yield thing
        return
    for held in _held_by(thing):
        if isinstance(held, (list, tuple, dict)) or hasattr(held, "__dict__"):
            yield from _networks(held, depth - 1, seen)


def _held_by(thing: Any) -> list[Any]:
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, (list, tuple)):
        return list(thing)
    if isinstance(thing, type):
        return []
    cells = getattr(thing, "__closure__", None) or ()
    held = [cell.cell_contents for cell in cells if _filled(cell)]
    # Of a bound method, its object; of partial(), what it calls and with what.
    held += [getattr(thing, name, None) for name in ("__self__", "func", "args", "keywords")]
    return [*held, *getattr(thing, "__dict__", {}).values()]


def _filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True
