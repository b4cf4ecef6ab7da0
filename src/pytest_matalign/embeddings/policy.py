"""Which source serves which model: the store, the installed package, a pack, or the host's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_matalign.embeddings.obtain import Source
    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.zoo.card import ModelCard

Policy = Literal["auto", "packs", "installed"]


class Sources:
    """One source per model, by a policy.

    `auto` asks the store, then the installed package, then the packs. `packs` takes every model
    that carries weights from the packs, whatever is installed, so that a run gives the same
    numbers on every machine; controls without weights are computed. `installed` never reads a
    pack.
    """

    def __init__(
        self,
        cards: Mapping[str, ModelCard],
        *,
        policy: Policy = "auto",
        packs: Sequence[Pack] = (),
        own: Source | None = None,
        allow_pickle: bool = False,
    ) -> None:
        """Take what a run knows.

        Args:
            cards: Cards of the zoo by model id.
            policy: How references are chosen.
            packs: Asked in this order, unless the policy forbids it.
            own: The candidate, where it is no model of the zoo.
            allow_pickle: Whether the user lets code run that comes with weights.
        """
        self._cards, self._policy = cards, policy
        self._allow_pickle = allow_pickle
        self._packs = () if policy == "installed" else tuple(packs)
        self._sources = {own.model: own} if own else {}

    def __getitem__(self, model: str) -> Source:
        """Return the source of a model, always the same one."""
        if model not in self._sources:
            self._sources[model] = self._chosen(self._cards[model])
        return self._sources[model]

    def held(self, model: str, splits: Sequence[str]) -> bool:
        """Return whether some pack that may be read lists the model on one of these splits."""
        return any((split, model) in pack for pack in self._packs for split in splits)

    def packed(self, model: str) -> Source:
        """Return the source of a model that is read from the packs and never run."""
        return self._packed(self._cards[model])

    def _packed(self, card: ModelCard) -> Source:
        from pytest_matalign.embeddings.obtain import Packed
        from pytest_matalign.zoo.adapter import adapter_version
        from pytest_matalign.zoo.weights.files import described_digest

        return Packed(
            card.id,
            self._packs,
            weights=described_digest(card),
            adapter_version=adapter_version(card),
        )

    def _chosen(self, card: ModelCard) -> Source:
        from pytest_matalign.embeddings.obtain import Extracted, FirstOf
        from pytest_matalign.embeddings.sources import ZooSource

        run = Extracted(card.id, lambda: ZooSource(card, allow_pickle=self._allow_pickle))
        if self._policy == "installed":
            return run
        packed = self._packed(card)
        if self._policy == "packs" and card.weights is not None:
            return packed
        return FirstOf(run, packed)
