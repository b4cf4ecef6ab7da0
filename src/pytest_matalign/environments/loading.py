"""Where a model runs on this machine, and how it gets into memory there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from pytest_matalign.environments.folders import Beside, built
from pytest_matalign.environments.spec import spec_files
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.adapter import (
    load_here,
    missing_packages,
    refuse_foreign_code,
    runs_apart,
)
from pytest_matalign.zoo.weights.files import described_digest, weights_digest

if TYPE_CHECKING:
    from pytest_matalign.environments.folders import Built
    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.model import Model


def load(card: ModelCard, *, allow_pickle: bool = False) -> Model:
    """Load a model with its weights, here or in its environment; the caller sets the threads.

    Args:
        card: Of the model.
        allow_pickle: Whether the user lets code run that comes with the weights.

    Raises:
        UnavailableError: If a package or weight file is missing, the weight file is not the one
            the card was written for, or it brings code and the user does not allow that.
        ConfigurationError: If the card names an adapter that does not exist.
        ExtractionError: If the model's environment fails to load it.
    """
    if (reason := unavailable(card)) is not None:
        raise UnavailableError(f"{card.id}: {reason}.")
    environment = environment_of(card) or (Beside() if runs_apart(card) else None)
    if environment is None:
        return load_here(card, allow_pickle=allow_pickle)
    from pytest_matalign.environments.remote import RemoteModel

    if not allow_pickle:
        refuse_foreign_code(card)
    return RemoteModel(card, environment, allow_pickle=allow_pickle)


def unavailable(card: ModelCard) -> str | None:
    """Return why a model cannot be loaded here, in one line, or None; imports no model package.

    A model whose packages are not installed here may still run in its isolated environment.
    """
    missing = missing_packages(card)
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
    """Return the built environment a model runs in because its packages are not installed here.

    None where they are, where the card names no environment, and where it is not built.

    Raises:
        ConfigurationError: If the card names an environment that does not exist.
    """
    if card.environment is None or not missing_packages(card):
        return None
    return built(card.environment)


def identify_weights(card: ModelCard) -> str:
    """Return `weights_digest`, of files that may lie in the model's environment.

    Raises:
        UnavailableError: If the files are not there.
    """
    described = described_digest(card)
    environment = None if described else environment_of(card)
    if environment is None:
        return described or weights_digest(card)
    from pytest_matalign.environments.remote import remote_digest

    return remote_digest(card, environment)


class Place(NamedTuple):
    """Where a model runs.

    `kind` is `here` (its packages are installed), `environment` (an isolated one that is built),
    `not built` (one that could be) or `nowhere`; `reason` says why it is in neither of the first
    two.
    """

    kind: Literal["here", "environment", "not built", "nowhere"]
    environment: str | None = None
    reason: str | None = None

    @property
    def runs(self) -> bool:
        """Whether the packages are at hand; weights may still have to be fetched."""
        return self.kind in ("here", "environment")

    def __str__(self) -> str:
        """One or a few words for a table."""
        if self.environment is None:
            return "here" if self.kind == "here" else "-"
        return f"env {self.environment}" if self.runs else f"({self.environment})"


def place_of(card: ModelCard) -> Place:
    """Return where a model runs on this machine, told without importing its packages."""
    reason = unavailable(card)
    if reason is None:
        used = environment_of(card)
        return Place("environment", used.name) if used else Place("here")
    if card.environment is not None and card.environment in spec_files():
        return Place("not built", card.environment, reason)
    return Place("nowhere", None, reason)
