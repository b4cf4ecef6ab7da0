"""The bundled splits by id, and the perturbed ones that an id asks for."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.card import CARDS, SplitCard, read_card
from pytest_matalign.splits.recipe import perturbed_card, read_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping


@lru_cache(maxsize=1)
def split_cards() -> Mapping[str, SplitCard]:
    """Return the cards of all bundled splits by id, sorted."""
    cards = (read_card(path) for path in sorted(CARDS.glob("*.toml")))
    return MappingProxyType({card.id: card for card in cards})


def split_card(split: str) -> SplitCard:
    """Return the card of one bundled split, perturbed where its id ends in `@kind=level`.

    Raises:
        ConfigurationError: There is no such split; the message names the closest ones.
    """
    cards = split_cards()
    if "@" in split:
        parent, kind, level = read_recipe(split)
        return perturbed_card(split_card(parent), kind=kind, level=level)
    if split in cards:
        return cards[split]
    close = get_close_matches(split, cards, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(f'`{name}`' for name in close)}? " if close else ""
    raise ConfigurationError(
        f"There is no split `{split}`; {hint}`matalign splits list` lists them, "
        "and a split of your own is given by the path of its TOML file."
    )
