"""Models made by the host's own code: factories named `package.module:factory`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_matalign.zoo.adapters.candidate import FactoryModel
from pytest_matalign.zoo.view import OPTION, row_names, viewed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_matalign.splits.sample import Input, Sample
    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.model import Model


class FactorySource:
    """A candidate made by the host's own code."""

    def __init__(
        self, card: ModelCard, factory: Callable[..., Any], *, form: Input, spec: str, run_id: str
    ) -> None:
        self.id = card.id
        self._card, self._factory, self._form, self._spec = card, factory, form, spec
        self._model = FactoryModel(factory(), form)
        # Without a digest of the weights nothing may be reused from one run to the next, but
        # the workers of one run may share their work.
        self.identity: Mapping[str, Any] = {
            "candidate": spec,
            "input": form,
            "digest": self._model.digest or f"this run only: {run_id}",
            **{name: card.options[name] for name in (OPTION,) if name in card.options},
        }

    def refuse(self, sample: Sample) -> str | None:
        """Reason the host's table gives for refusing a sample."""
        from pytest_matalign.zoo.domain import refusal

        return refusal(self._card, sample)

    def names(self, sample: Sample) -> tuple[str, ...]:
        """Names of a sample's rows, by the card's view."""
        return row_names(self._card, sample)

    def load(self) -> Model:
        """The model the factory made."""
        return viewed(self._model, self._card)
