"""The zoo: every card, and what it takes to turn one into a model in memory."""

from __future__ import annotations

import importlib
import importlib.util
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.card_file import parse_cards
from pytest_matalign.zoo.catalogue import Catalogue, read_catalogue
from pytest_matalign.zoo.domain import refusal
from pytest_matalign.zoo.permission import demand_permission
from pytest_matalign.zoo.weights import check_weights, weights_digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from pytest_matalign.environments.folders import Built
    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.model import Model

__all__ = [
    "Catalogue",
    "adapter_version",
    "card",
    "cards",
    "catalogue",
    "environment_of",
    "load",
    "load_here",
    "parse_cards",
    "refusal",
    "unavailable",
    "weights_digest",
]


@cache
def catalogue() -> Catalogue:
    """Every card with where it came from, and what was wrong with cards that were left out.

    Read once a process.

    Raises:
        ConfigurationError: If a bundled card or one of the user's own is wrong.
    """
    return read_catalogue()


def cards() -> Mapping[str, ModelCard]:
    """Every card by id: bundled ones in the order of the files' names, then installed packages'.

    Cards of installed packages come through the entry-point group `pytest_matalign.models`, the
    user's own from the files named by `MATALIGN_CARDS`.

    Raises:
        ConfigurationError: If a bundled card or one of the user's own is wrong.
    """
    return catalogue().cards


def card(model_id: str) -> ModelCard:
    """The card of a model.

    Raises:
        ConfigurationError: If there is none; the closest ids are named.
    """
    known = cards()
    if model_id in known:
        return known[model_id]
    if model_id in catalogue().disputed:
        raise ConfigurationError(catalogue().disputed[model_id])
    close = get_close_matches(model_id, known, n=3)
    hint = f"the closest are {', '.join(close)}; " if close else ""
    raise ConfigurationError(
        f"There is no model {model_id!r} in the zoo; {hint}`matalign zoo list` lists all."
    )


def unavailable(card: ModelCard) -> str | None:
    """Why a model cannot be loaded here, in one line, or None; imports no model package.

    A model whose packages are not installed here may still run in its isolated environment.
    """
    missing = _missing(card)
    if not missing:
        return None
    verb = "is" if len(missing) == 1 else "are"
    if card.environment is None:
        cure = f"pip install 'pytest-matalign[{card.extra}]'" if card.extra else "install it"
        return f"{' and '.join(missing)} {verb} not installed; {cure}"
    try:
        if environment_of(card) is not None:
            return None
    except ConfigurationError as error:
        return str(error)
    return (
        f"{' and '.join(missing)} {verb} not installed; run `matalign env create "
        f"{card.environment}`, which builds the environment of this model"
    )


def environment_of(card: ModelCard) -> Built | None:
    """The built environment a model runs in because its packages are not installed here.

    None where they are, where the card names no environment, and where it is not built.

    Raises:
        ConfigurationError: If the card names an environment that does not exist.
    """
    if card.environment is None or not _missing(card):
        return None
    from pytest_matalign.environments.folders import built

    return built(card.environment)


def _missing(card: ModelCard) -> list[str]:
    return [name for name in card.requires if importlib.util.find_spec(name) is None]


def load(card: ModelCard) -> Model:
    """Load a model with its weights, here or in its environment; the caller sets the threads.

    Raises:
        UnavailableError: If a package or weight file is missing, the weight file is not the one
            the card was written for, or it is a pickle and the user does not allow these.
        ConfigurationError: If the card names an adapter that does not exist.
        ExtractionError: If the model's environment fails to load it.
    """
    reason = unavailable(card)
    if reason is not None:
        raise UnavailableError(f"{card.id}: {reason}.")
    demand_permission(card)
    environment = environment_of(card)
    if environment is None:
        return load_here(card)
    from pytest_matalign.environments.remote import RemoteModel

    return RemoteModel(card, environment)


def load_here(card: ModelCard) -> Model:
    """Load a model in this very process.

    Raises:
        UnavailableError: As `load`.
        ConfigurationError: As `load`.
    """
    if missing := _missing(card):
        raise UnavailableError(f"{card.id}: there is no {' and no '.join(missing)} here.")
    demand_permission(card)
    check_weights(card)
    model: Model = _adapter(card).load(card)
    return model


def adapter_version(card: ModelCard) -> int:
    """The `ADAPTER_VERSION` of a model's adapter; imports the adapter but no model package.

    Raises:
        ConfigurationError: If the adapter does not exist or states no version.
    """
    module = _adapter(card)
    version = getattr(module, "ADAPTER_VERSION", None)
    if not isinstance(version, int):
        raise ConfigurationError(
            f"{card.id}: the adapter {module.__name__} must define ADAPTER_VERSION, an integer."
        )
    return version


def _adapter(card: ModelCard) -> ModuleType:
    """A bundled adapter by its plain name, any other by its dotted one."""
    dotted = "." in card.adapter
    name = card.adapter if dotted else f"pytest_matalign.zoo.adapters.{card.adapter}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ConfigurationError(
            f"{card.id}: there is no adapter module {name!r}; name a module of "
            f"pytest_matalign.zoo.adapters or an importable package.module."
        ) from error
