"""Untrained controls: the same network with its learned numbers made meaningless."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.zoo.untrained import shuffle

if TYPE_CHECKING:
    import torch

    from pytest_matalign.zoo.card import ModelCard


def shuffle_if_asked(module: torch.nn.Module, card: ModelCard) -> None:
    """Permute the entries inside every parameter, if the card has the option `shuffle_seed`.

    The control then differs from the trained network by what was learned and by nothing else.
    (Fresh initialisation would have to know every package's scheme, and some cannot be built
    without loading weights.)
    """
    if "shuffle_seed" not in card.options:
        return
    shuffle(module, int(card.options["shuffle_seed"]))
