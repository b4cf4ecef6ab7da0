"""Do models that perform better align better? Asked so that the answer is not built in.

The paper measures alignment with the best model, whose own relatives align with it whatever they
perform. Here the reference is the best performer, its family is left out of the models scored,
and the correlation is given over families and with each family left out as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_matalign.analysis.correlation import RankCorrelation, rank_correlation
from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.analysis.pairs import PairTable
from pytest_matalign.errors import MetricInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Convergence:
    """Error of models against their alignment with one reference."""

    reference: str  # The best performer
    models: tuple[str, ...]  # Those scored, none of them the reference
    errors: tuple[float, ...]  # Their errors, lower is better
    alignments: tuple[float, ...]  # Their alignment with the reference
    related: bool  # Whether the reference's own family was scored too, as the paper does
    # Rank correlation of error and alignment over models and families; negative means that better
    # models align better. None with fewer than four models.
    correlation: RankCorrelation | None


def best_performer(errors: Mapping[str, float]) -> str:
    """Return the model with the least error.

    Raises:
        MetricInputError: No model has one.
    """
    if not errors:
        raise MetricInputError("no model has a performance to choose a reference by.")
    return min(errors, key=lambda model: errors[model])


def convergence(
    table: PairTable,
    errors: Mapping[str, float],
    facts: Mapping[str, ModelFacts],
    *,
    related: bool = False,
) -> Convergence:
    """Correlate models' errors with their alignment to the best of them.

    Args:
        table: A symmetric metric whose higher values mean more aligned.
        errors: Error by model, lower is better; only these models take part.
        facts: Families, by model.
        related: Score the reference's own family too.

    Raises:
        MetricInputError: A metric with lower values for more alignment, or no errors.
    """
    if table.spec.direction == "lower":
        raise MetricInputError(
            f"convergence needs a metric whose higher values mean more aligned, not "
            f"{table.spec.name}."
        )
    known = {model: errors[model] for model in table.models if model in errors}
    chosen = best_performer(known)
    scored = tuple(
        model
        for model in known
        if model != chosen and (related or facts[model].family != facts[chosen].family)
    )
    column = table.models.index(chosen)
    rows = [table.models.index(model) for model in scored]
    wrong = tuple(known[model] for model in scored)
    alignments = tuple(float(v) for v in table.values[rows, column])
    return Convergence(
        reference=chosen,
        models=scored,
        errors=wrong,
        alignments=alignments,
        related=related,
        correlation=rank_correlation(wrong, alignments, [facts[m].family for m in scored]),
    )
