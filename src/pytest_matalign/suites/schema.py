"""Suites: which models, splits and metrics are compared, and what is expected of them.

A suite is a folder with a `suite.toml` and, where wanted, test modules beside it. The TOML is
checked against the structs below: unknown keys are refused, and every error names the file, the
place in it and the valid values.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

PairClass = Literal["same-family", "same-modality", "cross-modality", "control"]
Names: TypeAlias = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
"""Of splits, or ids and patterns of models, of which `candidate` is the model under test. An empty
selection would hold nothing."""
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]


class SuiteSplit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A split of the suite and how many of its samples a run takes by default."""

    id: str
    """A bundled split, or one of them perturbed (`mp-crystals@rattle=0.2`)."""
    file: str | None = None
    """TOML file of a split of the suite's own, relative to the suite file."""
    samples: Count | None = None
    covariates: tuple[str, ...] = ()
    """Cards of descriptors that are projected out of what a release is judged by, besides
    composition and size; where their rows are not to be had the judgement says so."""


class SuiteMetric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A metric of the suite with its settings."""

    name: str
    k: Count | None = None
    preprocess: str = "center-l2"
    tolerance: float | None = None
    """Loss against a baseline that is still accepted; the host's or the default one if None."""


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The measurement an expectation was read off, so that a reader can judge it."""

    n: int
    k: int | None = None
    families: int
    """Independent families whose values the bound was made of."""


class Expectation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bound on the alignment of every pair it selects, and where the bound comes from.

    The bound is on the metric's own value: for one where lower is more aligned, such as the
    information imbalance, "at least this well aligned" is written with `at_most`.

    With `above` or `closer_than` the bound is on a difference of two alignments over the same
    samples, counted so that more aligned is positive; `at_least` is then 0 unless given.
    """

    id: str
    metric: str
    pairs: PairClass | None = None
    between: tuple[Names, Names] | None = None
    """Two lists of model ids or patterns, or `candidate`; a pair is selected if one model is in
    each."""
    splits: Names | None = None
    above: str | None = None
    """A control: the pair must agree more than either does with the control, which is put in the
    place of the other. `untrained` means the untrained network of the model it replaces."""
    closer_than: str | None = None
    """A model: the first of the pair must agree more with the second than with this one. Needs
    `between`, whose first list holds the first of the pair."""
    at_least: float | None = None
    at_most: float | None = None
    source: str
    tooltip: str = ""
    measured: Measured | None = None


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bound on the intrinsic dimension of the models it selects."""

    id: str
    models: Names = ("*",)
    """Ids or patterns; `candidate` is the model under test."""
    splits: Names | None = None
    method: Literal["twonn", "gride", "mle"] = "twonn"
    at_least: float | None = None
    at_most: float | None = None
    source: str
    tooltip: str = ""

    def selects(self, model: str, split: str, *, candidate: str | None) -> bool:
        """Whether this band speaks about a model on a split."""
        return matches(model, self.models, candidate=candidate) and (
            self.splits is None or split in self.splits
        )


class Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A condition on a whole suite, reported as a test of its own when all checks are done."""

    id: str
    kind: Literal["mean-alignment", "error-budget", "coverage"]
    """`mean-alignment`: of `models` with `references`, over `splits`, by `metric`.
    `error-budget`: checks of models other than the candidate that end in an error, which then do
    not fail by themselves. `coverage`: share of the alignments asked for that were measured."""
    metric: str | None = None
    """For `mean-alignment`; the suite's first metric if None."""
    models: Names = ("candidate",)
    """Whose mean; ids or patterns, each with a gate of its own. Without a candidate `candidate`
    matches nothing."""
    references: Names = ("*",)
    """With whom: ids or patterns among the suite's pretrained models."""
    splits: Names | None = None
    at_least: float | None = None
    at_most: float | None = None
    source: str = "chosen"
    tooltip: str = ""


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One suite file."""

    name: str
    title: str
    version: int
    description: str = ""
    models: tuple[str, ...]
    """Pretrained models, by card id."""
    controls: tuple[str, ...] = ()
    """Controls, by card id; each is compared with every pretrained model."""
    required: tuple[str, ...] = ()
    """Models whose absence is an error instead of a skip."""
    split: tuple[SuiteSplit, ...]
    metric: tuple[SuiteMetric, ...]
    expectation: tuple[Expectation, ...] = ()
    dimension: tuple[Band, ...] = ()
    gate: tuple[Gate, ...] = ()
    multiplicity: Literal["none", "benjamini-hochberg"] = "benjamini-hochberg"
    """How the failures of a candidate are held against the number of its comparisons, split by
    split: its regressions among themselves, its failed expectations among themselves."""


def matches(model: str, patterns: Iterable[str], *, candidate: str | None = None) -> bool:
    """Whether a model id is one of the ids or patterns, or the candidate that one names."""
    return any(
        fnmatchcase(model, pattern) or (pattern == "candidate" and model == candidate)
        for pattern in patterns
    )
