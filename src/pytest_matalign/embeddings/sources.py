"""Models that can be embedded: those of the zoo, by their cards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_matalign.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.model import Model


class ZooSource:
    """A zoo model whose packages are installed."""

    def __init__(self, card: ModelCard) -> None:
        from pytest_matalign.zoo.registry import adapter_version, unavailable, weights_digest

        if reason := unavailable(card):
            raise UnavailableError(reason)
        self.id = card.id
        self._card = card
        self.identity: Mapping[str, Any] = {
            "model": card.id,
            "weights": weights_digest(card),
            "adapter": card.adapter,
            "adapter_version": adapter_version(card),
            "options": dict(card.options),
            "layer": card.layer,
            "pooling": card.pooling,
            "dtype": "float32",
        }

    def refuse(self, sample: Sample) -> str | None:
        """Reason the card gives for refusing a sample."""
        from pytest_matalign.zoo.registry import refusal

        return refusal(self._card, sample)

    def load(self) -> Model:
        """Load the weights through the card's adapter."""
        from pytest_matalign.zoo.registry import load

        return load(self._card)
