"""Read one card file, and say of a wrong one which model, which key and what would be valid."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.sample import Input
from pytest_matalign.zoo.card import Control, Kind, Modality, ModelCard, Periodic, Role, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ID = re.compile(r"[a-z0-9]([a-z0-9.]|-(?!-))*")


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
