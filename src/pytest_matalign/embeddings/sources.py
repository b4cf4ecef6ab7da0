"""Models that can be embedded: those of the zoo, by their cards."""

from __future__ import annotations

from platform import python_version
from typing import TYPE_CHECKING, Any

from pytest_matalign.environments.loading import identify_weights, load, unavailable
from pytest_matalign.environments.provenance import packages_beneath
from pytest_matalign.errors import UnavailableError
from pytest_matalign.zoo.adapter import adapter_version
from pytest_matalign.zoo.domain import refusal
from pytest_matalign.zoo.view import row_names
from pytest_matalign.zoo.weights.files import described_digest
from pytest_matalign.zoo.weights.pins import pinned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.model import Model


class ZooSource:
    """A zoo model; where its packages are not installed the store may still know its rows."""

    def __init__(self, card: ModelCard, *, allow_pickle: bool = False) -> None:
        card = pinned(card)
        self._reason = unavailable(card)
        weights = described_digest(card) if self._reason else identify_weights(card)
        if self._reason and weights is None:
            raise UnavailableError(self._reason)
        self.id = card.id
        self._card = card
        self._allow_pickle = allow_pickle
        self.identity: Mapping[str, Any] = {
            "model": card.id,
            "weights": weights,
            "adapter": card.adapter,
            "adapter_version": adapter_version(card),
            "options": dict(card.options),
            "layer": card.layer,
            "pooling": card.pooling,
            "dtype": "float32",
        }

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What is noted with rows made by this process; an environment's model notes its own."""
        return {"python": python_version(), "packages": packages_beneath(self._card)}

    def refuse(self, sample: Sample) -> str | None:
        """Reason the card gives for refusing a sample."""
        return refusal(self._card, sample)

    def names(self, sample: Sample) -> tuple[str, ...]:
        """Names of a sample's rows, by the card's view."""
        return row_names(self._card, sample)

    def load(self) -> Model:
        """Load the weights through the card's adapter, here or in the card's environment."""
        if self._reason:
            raise UnavailableError(self._reason)
        return load(self._card, allow_pickle=self._allow_pickle)
