"""Judge a candidate on a split: all checks of the gate, one judgement.

What does not depend on the candidate (references with their covariates projected out, the fit of
the covariates, groups, labels) is prepared once as a `Court` and serves many candidates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pytest_matalign.analysis.lost_groups import group_losses
from pytest_matalign.analysis.partial import CrossFit, side_by_side
from pytest_matalign.analysis.shared import (
    JUDGED,
    Reference,
    Residual,
    Shared,
    chance,
    profiles,
    residual,
    sample_agreement,
    shared,
    standardised,
    weights,
)
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.metrics.spec import metric_spec
from pytest_matalign.verdicts.gate.coverage import coverage
from pytest_matalign.verdicts.gate.finding import Finding, Judgement, judgement
from pytest_matalign.verdicts.gate.groups import groups
from pytest_matalign.verdicts.gate.noise import noise
from pytest_matalign.verdicts.gate.scale import scale
from pytest_matalign.verdicts.gate.self_check import Mode, compare, self_check
from pytest_matalign.verdicts.gate.structure import probe_loss, shared_loss, structure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.metrics.spec import MetricSpec

LEAST_SAMPLES = 40
LEAST_FAMILIES = 2
"""Families of references by which a model may pass: one alone may be the odd one out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Court:
    """A split prepared to judge models of one family."""

    # Samples (n) that all references and the baseline accept, in the split's order
    ids: tuple[str, ...]
    # Models of other families with rows on those samples; no control among them
    references: tuple[Reference, ...]
    # Blocks (n, c) that are projected out: composition, size, SOAP where given
    covariates: tuple[Float64, ...]
    groups: Mapping[str, NDArray[np.intp]]  # Positions of the samples of each group
    labels: Mapping[str, Float64]  # Known properties (n,), NaN where a sample has none
    notes: tuple[str, ...] = ()  # What could not be taken into account, a sentence each

    def __post_init__(self) -> None:
        n = len(self.ids)
        if n < LEAST_SAMPLES:
            raise ConfigurationError(
                f"the gate was given {n} samples; it needs {LEAST_SAMPLES} to judge. Use more."
            )
        for reference in self.references:
            if len(reference.rows) != n:
                raise ConfigurationError(
                    f"the reference {reference.model} has {len(reference.rows)} rows for {n} "
                    "samples; cut all embeddings to common samples first."
                )

    @cached_property
    def specs(self) -> tuple[MetricSpec, ...]:
        """The judged metrics; with no more neighbours than a quarter of the samples."""
        k = min(25, len(self.ids) // 4)
        return tuple(metric_spec(name, k=k if name == "cknna" else None) for name in JUDGED)

    @property
    def too_few_families(self) -> str:
        """Why nobody passes by these references; empty if they are enough."""
        families = {reference.family for reference in self.references}
        if len(families) >= LEAST_FAMILIES:
            return ""
        return f"one family of references ({', '.join(families)}) is too few to pass by"

    @cached_property
    def crossfit(self) -> CrossFit:
        """The fit of the covariates."""
        return CrossFit(side_by_side(*self.covariates))

    @cached_property
    def told_beyond(self) -> Mapping[str, Float64]:
        """Labels (n,) less what composition and size tell of them, NaN where there is none."""
        found = {}
        for name, values in self.labels.items():
            known = values[np.isfinite(values)]
            if len(known) >= LEAST_SAMPLES and (known != known[0]).any():
                places, left = self.crossfit.label_residuals(values)
                found[name] = np.full(len(values), np.nan)
                found[name][places] = left
        return found

    @cached_property
    def residuals(self) -> tuple[Residual, ...]:
        """What the covariates leave of each reference."""
        return tuple(self.residual(reference.rows) for reference in self.references)

    @cached_property
    def weights(self) -> Float64:
        """Of the references (r,), summing to 1."""
        return weights(
            [reference.family for reference in self.references],
            [reference.corpus for reference in self.references],
        )

    @cached_property
    def profiles(self) -> Float64:
        """Weighted profiles (n, n) of the references: agreement is linear in them."""
        total = np.zeros((len(self.ids), len(self.ids)))
        for weight, left in zip(self.weights, self.residuals, strict=True):
            total += weight * profiles(left.rows)
        return total

    def residual(self, rows: Float64) -> Residual:
        """Return what the covariates leave of rows (n, d)."""
        return residual(rows, self.crossfit, self.specs)

    def shared(self, left: Residual) -> tuple[Shared, ...]:
        """Return the judged metrics of a model, averaged over references."""
        return tuple(shared(left, self.residuals, self.weights, spec) for spec in self.specs)

    def cut(self, kept: NDArray[np.intp]) -> Court:
        """Return the court on some of its samples, by their positions in order."""
        place = {int(old): new for new, old in enumerate(kept)}
        return Court(
            ids=tuple(self.ids[i] for i in kept),
            references=tuple(replace(r, rows=r.rows[kept]) for r in self.references),
            covariates=tuple(block[kept] for block in self.covariates),
            groups={
                group: np.array([place[int(i)] for i in members if int(i) in place], dtype=np.intp)
                for group, members in self.groups.items()
            },
            labels={name: values[kept] for name, values in self.labels.items()},
        )

    def prepare(self, rows: Float64) -> Prepared:
        """Return a model's rows (n, d) with everything the checks ask of them."""
        left = self.residual(rows)
        return Prepared(
            rows=rows,
            left=left,
            shared=self.shared(left),
            profiles=profiles(left.rows),
            court=self,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """One model on the samples of a court; what a baseline owes is worked out once."""

    rows: Float64
    left: Residual
    shared: tuple[Shared, ...]
    profiles: Float64
    court: Court

    @cached_property
    def chance(self) -> tuple[float, ...]:
        """What the judged metrics would be for rows unrelated to the references."""
        court = self.court
        return tuple(chance(self.left, court.residuals, court.weights, s) for s in court.specs)

    @cached_property
    def told(self) -> CrossFit:
        """What the rows tell of anything else about their samples."""
        return CrossFit(standardised(self.rows))


def judge(
    candidate: Prepared,
    baseline: Prepared,
    *,
    mode: Mode = "retrained",
    covered: Finding | None = None,
    seeds: Sequence[Prepared] = (),
) -> Judgement:
    """Return the judgement of a candidate against its baseline.

    Args:
        candidate: Prepared by the court of its family.
        baseline: Prepared by the same.
        mode: `same` for ports and refactorings, `retrained` for new weights.
        covered: Of `coverage`, on all samples of the split; the court holds those that both
            accept (`Court.cut`).
        seeds: The baseline retrained with other seeds; losses within their spread are accepted.
    """
    court = candidate.court
    check = compare(candidate.rows, baseline.rows)
    own, expected = (
        sample_agreement(baseline.profiles, x) for x in (candidate.profiles, court.profiles)
    )
    found = [
        covered or coverage(accepted=court.ids, baseline=court.ids),
        self_check(
            check,
            ids=court.ids,
            mode=mode,
            beyond=float(own.mean()),
            expected=float(expected.mean()),
        ),
        scale(candidate.rows, baseline.rows),
    ]
    # Rotations change what is left after columns are standardised, but not the model.
    if not (check.mostly_the_same and not len(check.moved)):
        found.append(noise(candidate.rows, baseline.rows, baseline.told))
        found.append(_structure(candidate, baseline, seeds))
        found.append(
            groups(
                group_losses(candidate.profiles, baseline.profiles, court.profiles, court.groups),
                ids=court.ids,
            )
        )
    return judgement(tuple(found))


def _structure(candidate: Prepared, baseline: Prepared, seeds: Sequence[Prepared]) -> Finding:
    court = candidate.court
    losses = [
        shared_loss(
            candidate.shared[i],
            old,
            chance=by_chance,
            tests=len(JUDGED),
            band=_band(old, [seed.shared[i] for seed in seeds]),
        )
        for i, (old, by_chance) in enumerate(zip(baseline.shared, baseline.chance, strict=True))
    ]
    found = structure(losses, probe_loss(candidate.rows, baseline.rows, court.told_beyond))
    if found.verdict == "passed" and (few := court.too_few_families):
        return msgspec.structs.replace(found, verdict="undecided", why=f"{few}; {found.why}")
    return found


def _band(baseline: Shared, seeds: Sequence[Shared]) -> float:
    """Largest fall of a metric between any two of the seeds."""
    values = [baseline.value, *(seed.value for seed in seeds)]
    return max(values) - min(values) if seeds else 0.0
