"""Where a model runs on this machine, told without importing its packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from pytest_matalign.zoo.card import ModelCard

Place = Literal["here", "environment", "not built", "nowhere"]


class Whereabouts(NamedTuple):
    """Where a model runs.

    `place` is `here` (its packages are installed), `environment` (an isolated one that is built),
    `not built` (one that could be) or `nowhere`; `reason` says why it is in neither of the first
    two.
    """

    place: Place
    environment: str | None = None
    reason: str | None = None

    @property
    def runs(self) -> bool:
        """Whether the packages are at hand; weights may still have to be fetched."""
        return self.place in ("here", "environment")

    def __str__(self) -> str:
        """One or a few words for a table."""
        if self.environment is None:
            return "here" if self.place == "here" else "-"
        return f"env {self.environment}" if self.runs else f"({self.environment})"


def whereabouts(card: ModelCard) -> Whereabouts:
    """Where a model runs on this machine."""
    from pytest_matalign.environments.spec import spec_files
    from pytest_matalign.zoo.registry import environment_of, unavailable

    reason = unavailable(card)
    if reason is None:
        used = environment_of(card)
        return Whereabouts("environment", used.name) if used else Whereabouts("here")
    if card.environment is not None and card.environment in spec_files():
        return Whereabouts("not built", card.environment, reason)
    return Whereabouts("nowhere", None, reason)
