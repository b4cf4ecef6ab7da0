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
    """A zoo model; where its packages are not installed the store may still know its rows."""

    def __init__(self, card: ModelCard) -> None:
        from pytest_matalign.zoo.pins import pinned
        from pytest_matalign.zoo.registry import adapter_version, unavailable

        card = pinned(card)
        self._reason = unavailable(card)
        weights = described_weights(card) if self._reason else weights_here(card)
        if self._reason and weights is None:
            raise UnavailableError(self._reason)
        self.id = card.id
        self._card = card
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

    def refuse(self, sample: Sample) -> str | None:
        """Reason the card gives for refusing a sample."""
        from pytest_matalign.zoo.registry import refusal

        return refusal(self._card, sample)

    def load(self) -> Model:
        """Load the weights through the card's adapter, here or in the card's environment."""
        from pytest_matalign.zoo.registry import load

        if self._reason:
            raise UnavailableError(self._reason)
        return load(self._card)


def weights_here(card: ModelCard) -> str:
    """`zoo.weights.weights_digest`, of files that may lie in the model's environment.

    An environment is asked only what the card does not say: it checks the files when it loads.

    Raises:
        UnavailableError: If the files are not there.
    """
    from pytest_matalign.zoo.registry import environment_of, weights_digest

    environment = environment_of(card)
    if environment is None:
        return weights_digest(card)
    if (described := described_weights(card)) is not None:
        return described
    from pytest_matalign.environments.remote import remote_digest

    return remote_digest(card, environment)


def described_weights(card: ModelCard) -> str | None:
    """What `zoo.weights.weights_digest` gives for the weights on the card, told without them."""
    import hashlib
    import json

    if card.weights is not None and card.weights.sha256 is None:
        return None
    parts = [card.weights.sha256] if card.weights is not None and card.weights.sha256 else []
    if card.role == "pretrained":
        return parts[0] if parts else None
    parts += [card.adapter, json.dumps(card.options, sort_keys=True)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
