"""The scorecard: every verdict of a run, as plain values that become JSON and come back.

Terminal, Markdown, HTML, JUnit and exit status are all made from this one object. Everything
that may differ between two runs of the same work (times, machine, where rows were read from) is
in `run`; all the rest is bit-identical from run to run, serial or parallel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.verdicts.verdict import Verdict  # noqa: TC001  msgspec resolves it

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION = 1


class ExpectationOutcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One expectation applied to one alignment."""

    id: str
    bound: Literal["at_least", "at_most"]
    limit: float
    source: str
    tooltip: str = ""
    quantity: str = ""
    """What is bounded, where it is not the alignment of the record itself."""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    """The quantity and its interval, where it is not the alignment of the record itself."""
    p_value: float | None = None
    """One-sided, that the bound is met; small means failed."""
    adjusted: float | None = None
    """`p_value` adjusted for the number of expectations, where the suite asks for it."""
    verdict: Verdict


class BaselineOutcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One alignment held against that of the candidate's earlier release."""

    verdict: Verdict
    paired: bool = False
    """Whether the earlier embedding itself was at hand, so that common noise cancels."""
    value: float | None = None
    """The alignment of the earlier release: of its embedding if `paired`, else as recorded."""
    difference: float | None = None
    """This run minus the baseline, in the metric's own units."""
    low: float | None = None
    high: float | None = None
    tolerance: float
    p_value: float | None = None
    """One-sided, that no more than `tolerance` of alignment was lost; small means regressed."""
    adjusted: float | None = None
    """`p_value` adjusted for the number of comparisons, where the suite asks for it."""
    n: int | None = None
    samples_needed: int | None = None
    """Samples that would decide, as far as this run can tell; None where no number would."""
    reason: str = ""


class AlignmentRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pair on one split by one metric; numbers are None where nothing was measured."""

    suite: str
    split: str
    a: str
    b: str
    pair_class: str
    metric: str
    estimator: str
    k: int | None
    preprocess: str
    higher_is_closer: bool
    fingerprint: str = ""
    """Of the samples that were compared."""
    reference: str = ""
    """What decides the rows of model `b`: a digest of its weights and adapter version."""
    n: int = 0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    null_mean: float | None = None
    null_sd: float | None = None
    p_value: float | None = None
    calibrated: float | None = None
    directions: tuple[float, float] | None = None
    """For asymmetric metrics, a→b and b→a; `value` is their mean."""
    verdict: Verdict
    reason: str = ""
    expectations: tuple[ExpectationOutcome, ...] = ()
    baseline: BaselineOutcome | None = None
    tolerated: bool = False
    """An error that counts against its suite's error budget instead of failing by itself."""

    @property
    def key(self) -> tuple[str, str, str, str, str, str]:
        """Identity of the check across runs; never a pytest node id."""
        return (self.suite, self.a, self.b, self.split, self.metric, self.estimator)


class Moved(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sample whose neighbourhood changed between two releases of the candidate."""

    id: str
    overlap: float
    """Share of its k nearest neighbours that are the same."""


class Drift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a candidate's neighbourhoods on a split differ from those of its baseline."""

    n: int
    k: int
    overlap: float
    """Mean share of neighbours kept (mutual k-nearest-neighbour alignment with the baseline)."""
    moved: tuple[Moved, ...]
    """Samples whose neighbourhoods changed most, most first."""


class Dimension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Intrinsic dimension of an embedding."""

    estimator: str
    value: float
    low: float
    high: float


class EmbeddingRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model on one split: what was embedded and what was refused."""

    suite: str
    split: str
    model: str
    requested: int
    n: int = 0
    width: int | None = None
    refused: dict[str, int] = {}
    """Number of samples by reason."""
    digest: str | None = None
    fingerprint: str = ""
    """Fingerprint of the samples asked for."""
    source: str = ""
    """Where the rows came from; moved to `Run` when the scorecard is made."""
    blocks: tuple[str, ...] = ()
    """Keys of the rows in the store, if they are there; moved to `Run` like `source`."""
    drift: Drift | None = None
    """Only of a candidate whose baseline has embeddings."""
    dimension: Dimension | None = None
    """Only where the suite expects something of it."""
    expectations: tuple[ExpectationOutcome, ...] = ()
    verdict: Verdict
    reason: str = ""
    tolerated: bool = False
    """An error that counts against its suite's error budget instead of failing by itself."""


class GateRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One condition on a whole suite."""

    suite: str
    id: str
    kind: Literal["mean-alignment", "error-budget", "coverage"]
    bound: Literal["at_least", "at_most"]
    limit: float
    value: float | None = None
    low: float | None = None
    high: float | None = None
    source: str
    tooltip: str = ""
    verdict: Verdict
    reason: str = ""

    @property
    def node_id(self) -> str:
        """What pytest calls it."""
        return f"matalign/{self.suite}::gate[{self.id}]"


class StaleRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the baseline that no check of its suite asks for any more."""

    suite: str
    split: str
    reference: str
    metric: str


class SuiteEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A suite that took part."""

    name: str
    title: str
    version: int


class SplitEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A split that took part, as far as it was read."""

    id: str
    title: str
    version: str
    role: str
    samples: int
    fingerprint: str


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a reader needs to know of a model beside its numbers."""

    id: str
    name: str
    family: str
    modality: str
    role: str
    control: str | None = None
    training: tuple[str, ...] = ()
    parameters: int | None = None
    layer: str = ""
    pooling: str = ""
    kind: str = ""
    licence_weights: str | None = None
    weights_sha256: str | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When, where and how long; nothing here takes part in a comparison of scorecards."""

    started: str
    seconds: float
    command: str
    python: str
    packages: dict[str, str]
    embedding_source: dict[str, int] = {}
    """How many embeddings were computed, read from the store, or taken from a pack."""
    blocks: dict[str, tuple[str, ...]] = {}
    """Keys of the rows in the store by the digest of an embedding; those of packs and of files
    are not there."""


class Scorecard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a run found."""

    schema_version: int = SCHEMA_VERSION
    package_version: str
    candidate: str | None
    suites: tuple[SuiteEntry, ...]
    splits: tuple[SplitEntry, ...]
    models: tuple[ModelEntry, ...]
    embeddings: tuple[EmbeddingRecord, ...]
    alignments: tuple[AlignmentRecord, ...]
    gates: tuple[GateRecord, ...] = ()
    stale: tuple[StaleRow, ...] = ()
    run: Run


def write_scorecard(scorecard: Scorecard, path: Path) -> None:
    """Write a scorecard as indented JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(scorecard), indent=1) + b"\n")


def read_scorecard(path: Path) -> Scorecard:
    """Read a scorecard.

    Raises:
        ConfigurationError: If the file is absent, not JSON, of another schema version, or does
            not fit the schema.
    """
    try:
        content = path.read_bytes()
        version = msgspec.json.decode(content, type=_Versioned).schema_version
    except OSError as error:
        raise ConfigurationError(f"Cannot read the scorecard {path}: {error.strerror}.") from None
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{path} is not a scorecard: {error}.") from None
    if version != SCHEMA_VERSION:
        raise ConfigurationError(
            f"{path} has schema version {version} and this package reads {SCHEMA_VERSION}; "
            "make the scorecard again with `pytest --matalign --matalign-json`."
        )
    try:
        return msgspec.json.decode(content, type=Scorecard)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path} is not a valid scorecard: {error}.") from None


class _Versioned(msgspec.Struct):
    schema_version: int
