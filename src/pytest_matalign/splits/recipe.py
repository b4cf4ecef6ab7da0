"""What `split@kind=level` says: a perturbation, by name and amount, and the card it makes."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from pytest_matalign.errors import ConfigurationError

if TYPE_CHECKING:
    from pytest_matalign.splits.card import SplitCard

Kind = Literal["rattle", "strain", "volume"]


def read_recipe(text: str) -> tuple[str, Kind, float]:
    """Split `mp-crystals@rattle=0.2` into its parts.

    Raises:
        ConfigurationError: What follows the `@` is no `kind=level`.
    """
    parent, _, recipe = text.rpartition("@")
    match = re.fullmatch(r"(rattle|strain|volume)=(\d+(?:\.\d+)?)", recipe)
    if match is None or not parent:
        raise ConfigurationError(
            f"`{text}` is no perturbed split; write split@kind=level with one of "
            f"{', '.join(get_args(Kind))}, as in `mp-crystals@rattle=0.2`."
        )
    kind: Kind = match[1]  # type: ignore[assignment]  # the pattern admits no other text
    return parent, kind, float(match[2])


def perturbed_card(card: SplitCard, *, kind: Kind, level: float, seed: int = 0) -> SplitCard:
    """Return the card of a split perturbed as `perturbed` does.

    Raises:
        ConfigurationError: The split offers no atoms, or kind or level make no sense.
    """
    if kind not in get_args(Kind):
        raise ConfigurationError(
            f"`{kind}` is no perturbation; choose among {', '.join(get_args(Kind))}."
        )
    least = 0 if kind != "volume" else math.ulp(0)
    if not (math.isfinite(level) and level >= least):
        raise ConfigurationError(
            f"The level of `{kind}` must be {'above 0' if least else '0 or more'}, not {level:g}."
        )
    if "atoms" not in card.inputs:
        raise ConfigurationError(
            f"Split `{card.id}` offers {' and '.join(card.inputs)}, no atoms to perturb."
        )
    return msgspec.structs.replace(
        card,
        id=f"{card.id}@{kind}={level:g}",
        title=f"{card.title}, perturbed ({kind} {level:g})",
        role="out-of-distribution",
        inputs=tuple(form for form in card.inputs if form in {"atoms", "smiles"}),
        sha256=None,
        fingerprint=None,
        labels={},
        provenance=f"{card.provenance} Perturbed here by {kind} {level:g}, seed {seed}.",
    )
