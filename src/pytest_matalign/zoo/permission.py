"""Whether files that can run code when they are read may be read: only if the user says so."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from pytest_matalign.errors import UnavailableError

if TYPE_CHECKING:
    from pytest_matalign.zoo.card import ModelCard

_ALLOWED: ContextVar[bool] = ContextVar("matalign_allow_pickle", default=False)


def allow_pickles(*, allowed: bool) -> None:
    """Allow or forbid them from here on."""
    _ALLOWED.set(allowed)


def pickles_allowed() -> bool:
    """Whether the user has allowed them; nobody has unless `allow_pickles` was called."""
    return _ALLOWED.get()


def demand_permission(card: ModelCard) -> None:
    """Refuse weights that can run code, unless the user allows it.

    A file inside an installed package is trusted as the package's own code is.

    Raises:
        UnavailableError: If the card's weights are a pickle and pickles are not allowed.
    """
    weights = card.weights
    if weights is None or not weights.pickled or weights.package or pickles_allowed():
        return
    source = weights.repo or weights.url or weights.path
    raise UnavailableError(
        f"{card.id}: its weights ({source}) are a pickle, which can run any code when it is read; "
        "if you trust its source allow it with --matalign-allow-pickle, `allow_pickle = true` in "
        "[tool.matalign], or `matalign embed --allow-pickle`."
    )
