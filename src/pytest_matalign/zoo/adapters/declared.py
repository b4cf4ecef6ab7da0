"""Models the zoo knows by their cards only: nobody has written or could run an adapter yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.errors import UnavailableError

if TYPE_CHECKING:
    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.model import Model

ADAPTER_VERSION = 1


def load(card: ModelCard) -> Model:
    """Say that there is no code to load the model with.

    Raises:
        UnavailableError: Always.
    """
    raise UnavailableError(
        f"{card.id}: the zoo declares this model and has no adapter for it; write one in a package "
        f"of your own (docs: how to write an adapter), or name embeddings of yours as a candidate."
    )
