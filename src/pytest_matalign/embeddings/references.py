"""Where a reference's embedding comes from: the store, the installed package, or a pack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pytest_matalign.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.extraction import Progress
    from pytest_matalign.embeddings.pack import Pack
    from pytest_matalign.embeddings.store import Store
    from pytest_matalign.splits import Split
    from pytest_matalign.zoo.card import ModelCard

Policy = Literal["auto", "packs", "installed"]


class References:
    """Obtains embeddings of zoo models by a policy.

    `auto` asks the store, then the installed package, then the packs. `packs` takes every model
    that carries weights from the packs, whatever is installed, so that a run gives the same
    numbers on every machine; controls without weights are computed. `installed` never reads a
    pack.
    """

    def __init__(self, *, policy: Policy, packs: Sequence[Pack], store: Store) -> None:
        self._policy, self._packs, self._store = policy, packs, store

    def obtain(self, card: ModelCard, split: Split, *, progress: Progress) -> Embedding:
        """The embedding of one model.

        Raises:
            UnavailableError: If neither store, package nor pack has it; all reasons are named.
            ExtractionError: If the model fails on the split.
            ConfigurationError: If a pack is refused.
        """
        if self._policy == "packs" and card.weights is not None:
            return self._from_packs(card, split)
        try:
            return self._extracted(card, split, progress)
        except UnavailableError as error:
            if self._policy == "installed":
                raise
            reason = str(error).removesuffix(".")
        try:
            return self._from_packs(card, split)
        except UnavailableError as error:
            raise UnavailableError(f"{reason}; {error}") from None

    def held(self, card: ModelCard, splits: Sequence[str]) -> bool:
        """Whether some pack lists the model on one of these splits, and the policy allows it."""
        return self._policy != "installed" and any(
            (split, card.id) in pack for pack in self._packs for split in splits
        )

    def _extracted(self, card: ModelCard, split: Split, progress: Progress) -> Embedding:
        from pytest_matalign.embeddings.extraction import extract
        from pytest_matalign.embeddings.sources import ZooSource

        return extract(
            ZooSource(card),
            split.samples,
            split=split.card.id,
            store=self._store,
            progress=progress,
        )

    def _from_packs(self, card: ModelCard, split: Split) -> Embedding:
        from pytest_matalign.embeddings.sources import described_weights
        from pytest_matalign.zoo.registry import adapter_version

        reasons = []
        for pack in self._packs:
            if (split.card.id, card.id) not in pack:
                continue
            try:
                return pack.embedding(
                    card.id,
                    split,
                    weights=described_weights(card),
                    adapter_version=adapter_version(card),
                )
            except UnavailableError as error:
                reasons.append(str(error))
        raise UnavailableError("; ".join(reasons) or f"no pack holds {card.id} on {split.card.id}")
