"""The zoo: every bundled card, and what it takes to turn one into a model in memory."""

from __future__ import annotations

import importlib
import importlib.util
import re
import tomllib
from difflib import get_close_matches
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.splits.sample import Input
from pytest_matalign.zoo.card import Control, Kind, Modality, ModelCard, Periodic, Role, State
from pytest_matalign.zoo.domain import refusal
from pytest_matalign.zoo.weights import check_weights, weights_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from pytest_matalign.zoo.model import Model

__all__ = [
    "adapter_version",
    "card",
    "cards",
    "load",
    "parse_cards",
    "refusal",
    "unavailable",
    "weights_digest",
]

_ID = re.compile(r"[a-z0-9]([a-z0-9.]|-(?!-))*")


@cache
def cards() -> Mapping[str, ModelCard]:
    """Every bundled card by id, in the order of the files' names and within each file.

    Raises:
        ConfigurationError: If a card file does not fit the schema or an id appears twice.
    """
    folder = resources.files("pytest_matalign.zoo").joinpath("cards")
    found: dict[str, ModelCard] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        for one in parse_cards(file.read_text(encoding="utf-8"), file=file.name):
            if one.id in found:
                raise ConfigurationError(
                    f"{file.name}: the id {one.id!r} is taken by another card; ids are unique."
                )
            found[one.id] = one
    return MappingProxyType(found)


def parse_cards(text: str, *, file: str) -> tuple[ModelCard, ...]:
    """Read one card file: `family`, `[defaults]` shared by its models, `[[model]]` tables.

    Args:
        text: TOML.
        file: Name used in error messages.

    Raises:
        ConfigurationError: If the text is not TOML or a card does not fit the schema.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file} is not valid TOML: {error}.") from error
    unknown = sorted(set(data) - {"family", "defaults", "model"})
    if unknown:
        raise ConfigurationError(
            f"{file}: unknown key {unknown[0]!r}; valid keys are family, defaults, model."
        )
    if not isinstance(data.get("family"), str):
        raise ConfigurationError(f'{file}: a card file begins with family = "name".')
    return tuple(_parse_models(data, file=file))


def _parse_models(data: Mapping[str, Any], *, file: str) -> Iterator[ModelCard]:
    defaults = data.get("defaults", {})
    models = data.get("model", [])
    if not isinstance(defaults, dict) or not isinstance(models, list):
        raise ConfigurationError(f"{file}: write [defaults] once and [[model]] for each model.")
    for position, table in enumerate(models, start=1):
        merged = {**defaults, "family": data["family"], **table}
        where = f"{file}: model {merged.get('id', f'number {position}')!r}"
        try:
            one = msgspec.convert(merged, ModelCard)
        except msgspec.ValidationError as error:
            raise ConfigurationError(f"{where}: {_explain(str(error))}") from error
        if not _ID.fullmatch(one.id):
            raise ConfigurationError(
                f"{where}: ids are lower-case letters, digits, dots and single hyphens, because "
                f"pairs of models are written with two hyphens."
            )
        if (one.role == "control") != (one.control is not None):
            raise ConfigurationError(f"{where}: `control` is given exactly where role = 'control'.")
        yield one


_ALTERNATIVES = {
    "modality": get_args(Modality),
    "role": get_args(Role),
    "control": get_args(Control),
    "state": get_args(State),
    "inputs": get_args(Input),
    "kind": get_args(Kind),
    "periodic": get_args(Periodic),
}


def _explain(message: str) -> str:
    """Add the valid values to what msgspec says of a wrong key or value."""
    valid: str | None = None
    if unknown := re.search(r"unknown field `(\w+)`(.*)", message):
        known = msgspec.structs.fields(ModelCard)
        valid = ", ".join(field.name for field in known) if "$." not in unknown[2] else None
    elif place := re.search(r"at `\$\.(\w+)", message):
        valid = ", ".join(_ALTERNATIVES.get(place[1], ())) or None
    return f"{message}; valid: {valid}." if valid else f"{message}."


def card(model_id: str) -> ModelCard:
    """The card of a model.

    Raises:
        ConfigurationError: If there is none; the closest ids are named.
    """
    known = cards()
    if model_id in known:
        return known[model_id]
    close = get_close_matches(model_id, known, n=3)
    hint = f"the closest are {', '.join(close)}; " if close else ""
    raise ConfigurationError(
        f"There is no model {model_id!r} in the zoo; {hint}`matalign zoo` lists all."
    )


def unavailable(card: ModelCard) -> str | None:
    """Why a model cannot be loaded here, in one line, or None; imports no model package."""
    missing = [name for name in card.requires if importlib.util.find_spec(name) is None]
    if not missing:
        return None
    verb = "is" if len(missing) == 1 else "are"
    cure = f"pip install 'pytest-matalign[{card.extra}]'" if card.extra else "install it"
    return f"{' and '.join(missing)} {verb} not installed; {cure}"


def load(card: ModelCard) -> Model:
    """Load a model with its weights; the caller sets the number of threads.

    Raises:
        UnavailableError: If a package or weight file is missing, or the weight file is not the
            one the card was written for.
        ConfigurationError: If the card names an adapter that does not exist.
    """
    reason = unavailable(card)
    if reason is not None:
        raise UnavailableError(f"{card.id}: {reason}.")
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
