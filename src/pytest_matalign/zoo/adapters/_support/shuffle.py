"""Untrained controls: the same network with its learned numbers made meaningless."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from pytest_matalign.zoo.card import ModelCard


def shuffle_if_asked(module: torch.nn.Module, card: ModelCard) -> None:
    """Permute the entries inside every parameter, if the card has the option `shuffle_seed`.

    Each tensor keeps its own distribution of values, so activations keep their scale and the
    control differs from the trained network by what was learned and by nothing else. (Fresh
    initialisation would have to know every package's scheme, and some cannot be built without
    loading weights.) The permutations are drawn tensor by tensor, in the order of the parameters'
    names, from one CPU generator: the same on every machine.
    """
    if "shuffle_seed" not in card.options:
        return
    import torch

    generator = torch.Generator().manual_seed(int(card.options["shuffle_seed"]))
    with torch.no_grad():
        for _, parameter in sorted(module.named_parameters()):
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
