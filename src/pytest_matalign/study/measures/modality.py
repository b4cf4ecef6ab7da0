"""Alignment within and across modalities, raw and with covariates projected out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement

from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.analysis.interval import Interval
from pytest_matalign.analysis.pairs import PairTable

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModalityPair:
    """Mean alignment of two modalities over pairs of models of different families."""

    a: str  # One modality
    b: str  # The other, or the same
    pairs: int  # Pairs of models averaged
    raw: Interval  # Mean alignment
    partial: Interval | None  # The same with covariates projected out; None where not asked for
    best: Pair  # The pair that aligns most


def pairs_where(models: Sequence[str], test: Callable[[str, str], bool]) -> list[Pair]:
    """Return the unordered pairs of models that pass a test."""
    return [(a, b) for a, b in combinations(models, 2) if test(a, b)]


def across_families(models: Sequence[str], facts: Mapping[str, ModelFacts]) -> list[Pair]:
    """Return pairs of pretrained models of different families: no two of a kind."""
    trained = [model for model in models if facts[model].pretrained]
    return pairs_where(trained, lambda a, b: facts[a].family != facts[b].family)


def with_untrained(models: Sequence[str], facts: Mapping[str, ModelFacts]) -> list[Pair]:
    """Return pairs of a pretrained model and an untrained network of another family."""
    return pairs_where(
        models,
        lambda a, b: (
            sorted([facts[a].control or "", facts[b].control or ""]) == ["", "untrained"]
            and facts[a].family != facts[b].family
        ),
    )


def cross_modality(
    table: PairTable, facts: Mapping[str, ModelFacts], *, partial: PairTable | None = None
) -> list[ModalityPair]:
    """Return the mean alignment of every two modalities the pretrained models have.

    Beside it, where given, that of the same models with covariates projected out.
    """
    candidates = across_families(table.models, facts)
    names = sorted({facts[model].modality for model in table.models if facts[model].pretrained})
    found = []
    for a, b in combinations_with_replacement(names, 2):
        pairs = [p for p in candidates if sorted(facts[m].modality for m in p) == [a, b]]
        if not pairs:
            continue
        i, j = table.indices(pairs)
        found.append(
            ModalityPair(
                a=a,
                b=b,
                pairs=len(pairs),
                raw=table.mean(pairs),
                partial=partial.mean(pairs) if partial is not None else None,
                best=pairs[int(table.values[i, j].argmax())],
            )
        )
    return found
