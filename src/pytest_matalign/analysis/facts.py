"""What an analysis needs to know of a model beside its embedding."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pytest_matalign.zoo.card import ModelCard

_LABELLED = re.compile(r"-(PBE|r2SCAN)$| subset$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """One model's family tree and training, as far as its card tells."""

    id: str  # Card id
    family: str  # Architecture family; variants of one family are not independent of each other
    corpus: str  # Training sets, joined by ` + `; `none` for a control
    modality: str  # What it reads
    kind: str  # Embedding kind (invariant, equivariant, vanilla)
    control: str | None = None  # Which control it is; None for a pretrained model
    parameters: int | None = None  # Number of weights, where known
    molecules_only: bool = False  # Whether it refuses whatever is periodic

    @property
    def sets(self) -> frozenset[str]:
        """Sets of training structures: labels by another functional, or fewer, are no other set."""
        return frozenset(_LABELLED.sub("", name) for name in self.corpus.split(" + "))

    @property
    def structures(self) -> str:
        """The same in one word."""
        return " + ".join(sorted(self.sets))

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
        molecules_only=card.periodic == "refused",
    )
