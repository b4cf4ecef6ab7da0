"""Suites: which models, splits and metrics are compared, and what is expected of them.

A suite is a folder with a `suite.toml` and, where wanted, test modules beside it. The TOML is
checked against the structs below: unknown keys are refused, and every error names the file, the
place in it and the valid values.
"""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.suite_checks import contradictions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_matalign.splits.card import SplitCard
    from pytest_matalign.zoo.card import ModelCard

PairClass = Literal["same-family", "same-modality", "cross-modality", "control"]
SUITE_FILE = "suite.toml"


class SuiteSplit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A split of the suite and how many of its samples a run takes by default."""

    id: str
    """A bundled split, or one of them perturbed (`mp-crystals@rattle=0.2`)."""
    file: str | None = None
    """TOML file of a split of the suite's own, relative to the suite file."""
    samples: int | None = None


class SuiteMetric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A metric of the suite with its settings."""

    name: str
    k: int | None = None
    preprocess: str = "center-l2"
    tolerance: float | None = None
    """Loss against a baseline that is still accepted; the host's or the default one if None."""


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The measurement an expectation was read off, so that a reader can judge the margin."""

    date: str
    n: int
    k: int | None = None
    extreme: float
    """The worst value seen among the pairs selected (lowest for a floor, highest for a ceiling)."""
    margin: float
    """How far the bound was set from `extreme`."""


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
    between: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    """Two lists of model ids or patterns; a pair is selected if one model is in each."""
    splits: tuple[str, ...] | None = None
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

    def selects(self, case: Case) -> bool:
        """Whether this expectation speaks about a case."""
        if self.metric != case.metric.name or (self.splits and case.split.id not in self.splits):
            return False
        if self.pairs is not None and self.pairs != case.pair_class:
            return False
        if self.between is None:
            return True
        left, right = self.between
        return (matches(case.a, left) and matches(case.b, right)) or (
            matches(case.b, left) and matches(case.a, right)
        )


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bound on the intrinsic dimension of the models it selects."""

    id: str
    models: tuple[str, ...] = ("*",)
    """Ids or patterns; `candidate` is the model under test."""
    splits: tuple[str, ...] | None = None
    method: Literal["twonn", "gride", "mle"] = "twonn"
    at_least: float | None = None
    at_most: float | None = None
    source: str
    tooltip: str = ""

    def selects(self, model: str, split: str, *, candidate: str | None) -> bool:
        """Whether this band speaks about a model on a split."""
        known = (model, "candidate") if model == candidate else (model,)
        return any(matches(name, self.models) for name in known) and (
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
    models: tuple[str, ...] = ("candidate",)
    """Whose mean; ids or patterns, each with a gate of its own. Without a candidate `candidate`
    matches nothing."""
    references: tuple[str, ...] = ("*",)
    """With whom: ids or patterns among the suite's pretrained models."""
    splits: tuple[str, ...] | None = None
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


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One alignment to measure: two models, a split, a metric."""

    suite: str
    a: str
    b: str
    split: SuiteSplit
    metric: SuiteMetric
    pair_class: PairClass

    @property
    def id(self) -> str:
        """Readable, shell-safe and unique within the suite."""
        return f"{self.split.id}-{self.metric.name}-{self.a}--{self.b}"


class EmbeddingCase(msgspec.Struct, frozen=True, kw_only=True):
    """One embedding to obtain: a model on a split."""

    suite: str
    model: str
    split: SuiteSplit

    @property
    def id(self) -> str:
        """Readable, shell-safe and unique within the suite."""
        return f"{self.split.id}-{self.model}"


def bundled_suites() -> dict[str, Path]:
    """Folders of the suites that ship with the package, by name."""
    here = Path(__file__).parent
    installed, checkout = here / "bundled_suites", here.parents[1] / "suites"
    root = installed if installed.is_dir() else checkout
    return {path.parent.name: path.parent for path in sorted(root.glob(f"*/{SUITE_FILE}"))}


def find_suite(name_or_path: str, *, base: Path) -> Path:
    """Folder of a bundled suite, or of a suite given by path (relative to `base`).

    Raises:
        ConfigurationError: If there is no such suite.
    """
    bundled = bundled_suites()
    if name_or_path in bundled:
        return bundled[name_or_path]
    path = (base / name_or_path).resolve()
    folder = path.parent if path.name == SUITE_FILE else path
    if (folder / SUITE_FILE).is_file():
        return folder
    valid = ", ".join(bundled)
    raise ConfigurationError(
        f"There is no suite {name_or_path!r}: name one of {valid}, "
        f"or a folder that holds a {SUITE_FILE} (looked in {folder})."
    )


def load_suite(folder: Path) -> Suite:
    """Read and check one suite file.

    Raises:
        ConfigurationError: If the file is not valid TOML, has unknown or missing keys, or
            contradicts itself.
    """
    path = folder / SUITE_FILE
    try:
        suite = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Suite)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {_readable(error)}") from None
    for problem in contradictions(suite):
        raise ConfigurationError(f"{path}: {problem}")
    splits = tuple(
        msgspec.structs.replace(split, file=str(folder / split.file)) if split.file else split
        for split in suite.split
    )
    return msgspec.structs.replace(suite, split=splits)


def card_of_split(split: SuiteSplit) -> SplitCard:
    """The card of a split named in a suite.

    Raises:
        ConfigurationError: If there is no such split, or its file is faulty.
    """
    from pytest_matalign.splits.card import read_card, split_card

    if split.file:
        return read_card(Path(split.file))
    parent, _, recipe = split.id.partition("@")
    card = split_card(parent)
    if not recipe:
        return card
    from pytest_matalign.splits.perturb import read_recipe

    read_recipe(split.id)
    return msgspec.structs.replace(
        card, title=f"{card.title}, perturbed ({recipe})", role="out-of-distribution"
    )


def pair_class(a: ModelCard, b: ModelCard) -> PairClass:
    """How two models are related, for the purpose of expectations."""
    if "control" in (a.role, b.role):
        return "control"
    if a.family == b.family:
        return "same-family"
    return "same-modality" if a.modality == b.modality else "cross-modality"


def pairs(
    suite: Suite, cards: Mapping[str, ModelCard], *, candidate: str | None
) -> Iterator[tuple[str, str]]:
    """Pairs to compare, in a stable order: every pretrained pair, then each with each control.

    With a candidate only the pairs that contain it are compared.
    """
    if candidate is not None:
        yield from (
            (candidate, other) for other in (*suite.models, *suite.controls) if other != candidate
        )
        return
    yield from combinations(suite.models, 2)
    for model in suite.models:
        yield from (
            (model, control)
            for control in suite.controls
            if _comparable(cards[model], cards[control])
        )


def alignment_cases(
    suite: Suite, cards: Mapping[str, ModelCard], *, candidate: str | None = None
) -> list[Case]:
    """Every alignment the suite asks for, split by split, in a stable order."""
    return [
        Case(
            suite=suite.name,
            a=a,
            b=b,
            split=split,
            metric=metric,
            pair_class=pair_class(cards[a], cards[b]),
        )
        for split in suite.split
        for a, b in pairs(suite, cards, candidate=candidate)
        for metric in suite.metric
    ]


def embedding_cases(suite: Suite, *, candidate: str | None = None) -> list[EmbeddingCase]:
    """Every embedding the suite needs, model by model so that each is loaded once."""
    models = dict.fromkeys((*([candidate] if candidate else []), *suite.models, *suite.controls))
    return [
        EmbeddingCase(suite=suite.name, model=model, split=split)
        for model in models
        for split in suite.split
    ]


def _comparable(model: ModelCard, control: ModelCard) -> bool:
    """An untrained network is a control for its own modality only."""
    return control.control != "untrained" or control.modality == model.modality


def matches(model: str, patterns: Iterable[str]) -> bool:
    """Whether a model id is one of the ids or patterns."""
    return any(fnmatchcase(model, pattern) for pattern in patterns)


def _readable(error: Exception) -> str:
    """A schema error with the key it complains about put first, as a TOML author writes it."""
    text = str(error)
    if " - at `" in text:
        text, _, place = text.partition(" - at `")
        text = f"at {place.strip('`').removeprefix('$.')}: {text}"
    if "unknown field" in text:
        valid = ", ".join(_fields_near(text))
        text += f"; valid keys there are {valid}"
    return text + "."


def _fields_near(text: str) -> tuple[str, ...]:
    for key, struct in (
        ("split", SuiteSplit),
        ("metric", SuiteMetric),
        ("expectation", Expectation),
        ("dimension", Band),
        ("gate", Gate),
    ):
        if text.startswith(f"at {key}["):
            inner = Measured if ".measured" in text else struct
            return inner.__struct_fields__
    return Suite.__struct_fields__
