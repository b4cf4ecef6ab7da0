"""What an analysis needs to know of a model beside its embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_matalign.zoo.card import ModelCard

FACTORS = ("family", "corpus", "modality", "kind", "level_of_theory")
"""Attributes of `ModelFacts` that can be tested as drivers of alignment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """One model's family tree and training, as far as its card tells.

    Attributes:
        id: Card id.
        family: Architecture family; variants of one family are not independent of each other.
        corpus: Training sets, joined by ` + `; `none` for a control.
        modality: What it reads.
        kind: Embedding kind (invariant, equivariant, vanilla).
        control: Which control it is; None for a pretrained model.
        parameters: Number of weights, where known.
        level_of_theory: Of its training labels, where it has one; else `none`.
    """

    id: str
    family: str
    corpus: str
    modality: str
    kind: str
    control: str | None = None
    parameters: int | None = None
    level_of_theory: str = "none"

    @property
    def pretrained(self) -> bool:
        """Whether this is a model and not a control."""
        return self.control is None


def facts_of(card: ModelCard) -> ModelFacts:
    """Read the facts off a model card."""
    return ModelFacts(
        id=card.id,
        family=card.family,
        corpus=" + ".join(card.training) or "none",
        modality=card.modality,
        kind=card.kind,
        control=card.control,
        parameters=card.parameters,
        level_of_theory=card.level_of_theory or "none",
    )


def families(models: Sequence[str], facts: Mapping[str, ModelFacts]) -> tuple[str, ...]:
    """Families of the models, each once, in order of first occurrence."""
    return tuple(dict.fromkeys(facts[model].family for model in models))
