"""The adapter of a card: its version, what it needs, and the model it makes in this process."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.energies import check_energies
from pytest_matalign.zoo.untrained import untrain
from pytest_matalign.zoo.view import viewed
from pytest_matalign.zoo.weights.files import check_weights

if TYPE_CHECKING:
    from types import ModuleType

    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.model import Model

UNTRAINED = "untrained"
"""Option of any card: `RECIPE:SEED` makes what the network learned meaningless."""


def load_here(card: ModelCard, *, allow_pickle: bool = False) -> Model:
    """Load a model in this very process.

    Args:
        card: Of the model.
        allow_pickle: Whether the user lets code run that comes with the weights.

    Raises:
        UnavailableError: If a package or weight file is missing, the weight file is not the one
            the card was written for, it brings code and the user does not allow that, or the
            model does not give the card's reference energies.
        ConfigurationError: If the card names an adapter that does not exist.
    """
    if missing := missing_packages(card):
        raise UnavailableError(f"{card.id}: there is no {' and no '.join(missing)} here.")
    if not allow_pickle:
        refuse_foreign_code(card)
    check_weights(card)
    model: Model = _adapter(card).load(card)
    check_energies(card, model)
    if made := card.options.get(UNTRAINED):
        recipe, _, seed = str(made).partition(":")
        untrain(model, recipe, int(seed))
    return viewed(model, card)


def missing_packages(card: ModelCard) -> list[str]:
    """Return what the card requires and this Python does not have; imports none of it."""
    return [name for name in card.requires if importlib.util.find_spec(name) is None]


def runs_apart(card: ModelCard) -> bool:
    """Return whether the adapter asks for a process of its own, where Ctrl-C does not reach it.

    Its module says so by `APART = True`. Packages that take SIGINT over lose an interrupt, and
    what they were computing comes back cut short as if it were whole.
    """
    return bool(getattr(_adapter(card), "APART", False))


def refuse_foreign_code(card: ModelCard) -> None:
    """Refuse a model whose weights bring code that reading them would run.

    A file inside an installed package is trusted as the package's own code is.

    Raises:
        UnavailableError: If they are a pickle, or their repository holds the model's own Python.
    """
    weights = card.weights
    if weights is None or weights.package:
        return
    source = weights.repo or weights.url or weights.path
    if card.options.get("remote_code"):
        danger = f"{source} brings its own Python code, which loading it runs"
    elif weights.pickled:
        danger = f"its weights ({source}) are a pickle, which can run any code when it is read"
    else:
        return
    raise UnavailableError(
        f"{card.id}: {danger}; if you trust its source allow it with --matalign-allow-pickle, "
        "`allow_pickle = true` in [tool.matalign], or `matalign embed --allow-pickle`."
    )


def adapter_version(card: ModelCard) -> int:
    """Return the `ADAPTER_VERSION` of a model's adapter; imports the adapter but no model package.

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
